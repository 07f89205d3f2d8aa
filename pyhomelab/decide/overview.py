"""What several decisions need to know of the whole lab, found once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pyhomelab.allocation.identity import received_dataset
from pyhomelab.allocation.placement import place
from pyhomelab.model.network import DHCP

if TYPE_CHECKING:
    from pyhomelab.model import Cluster, Guest, Host, Inventory, Net, Replication
    from pyhomelab.model.base import Address


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface of a machine that is in a network: its name in the system, and the address it has there."""

    name: str
    network: str
    address: Address | Literal["dhcp"] | None
    default_route: bool

    @property
    def is_static(self) -> bool:
        """Whether it has a fixed address."""
        return self.address not in (None, DHCP)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A dataset that a host receives from another."""

    sender: str
    pool: str
    dataset: str


class Overview:
    """The lab seen from above: who is where, who belongs to what. Each part is worked out once, in linear time."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory

    def machine(self, name: str) -> Host | Guest:
        """Give a host or a guest by name; names are unique over both."""
        return self.inventory.hosts.get(name) or self.inventory.guests[name]

    @cached_property
    def placement(self) -> dict[str, str]:
        """The host of every guest."""
        return place(self.inventory)

    @cached_property
    def guests_of(self) -> dict[str, list[str]]:
        """The guests of every host, in the order of the inventory."""
        found: dict[str, list[str]] = defaultdict(list)
        for guest in self.inventory.guests:
            found[self.placement[guest]].append(guest)
        return found

    @cached_property
    def volumes_of(self) -> dict[str, list[str]]:
        """The DRBD volumes of every replica and witness."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, volume in self.inventory.volumes.items():
            for host in (*volume.replicas, *filter(None, [volume.witness])):
                found[host].append(name)
        return found

    @cached_property
    def cluster_of(self) -> dict[str, str]:
        """The cluster of every machine that is in one."""
        return {member: name for name, cluster in self.inventory.clusters.items() for member in cluster.members}

    @cached_property
    def receipts_of(self) -> dict[str, list[Receipt]]:
        """What every host receives from others."""
        found: dict[str, list[Receipt]] = defaultdict(list)
        for sender, host in self.inventory.hosts.items():
            for pool_name, pool in host.zfs.items():
                for name, dataset in pool.datasets.items():
                    if (replica := dataset.replicate) is not None:
                        found[replica.host].append(
                            Receipt(sender, replica.pool, received_as(sender, pool_name, name, replica))
                        )
        return found

    @cached_property
    def interfaces(self) -> dict[str, list[Interface]]:
        """The interfaces of every machine that are in a network, in the order of the inventory."""
        found = {name: host_interfaces(self.inventory, name) for name in self.inventory.hosts}
        for name, guest in self.inventory.guests.items():
            found[name] = [
                Interface(network, network, link.address, link.default_route) for network, link in guest.links.items()
            ]
        return found

    def interface_in(self, machine: str, network: str) -> Interface:
        """Give a machine's interface in a network that it is known to be in: the one with a fixed address, if any."""
        there = [interface for interface in self.interfaces[machine] if interface.network == network]
        return next((interface for interface in there if interface.is_static), there[0])

    def address_in(self, machine: str, network: str) -> str:
        """Give a machine's static address in a network; the rules have seen to it that there is one."""
        return str(self.interface_in(machine, network).address)

    def network_of(self, cluster: Cluster) -> str:
        """Give the network that a cluster's nodes talk over: as stated, that of the VIP, or the first in common."""
        if cluster.network is not None:
            return cluster.network
        networks = self.inventory.networks
        if cluster.vip is not None:
            return next(name for name, net in networks.items() if cluster.vip in net.cidr)
        own = [{i.network for i in self.interfaces[member] if i.is_static} for member in cluster.members]
        return next(i.network for i in self.interfaces[cluster.servers[0]] if all(i.network in names for names in own))

    @cached_property
    def addresses(self) -> dict[str, str]:
        """The first static address of every machine that has one."""
        found = {}
        for name, interfaces in self.interfaces.items():
            static = [interface.address for interface in interfaces if interface.is_static]
            if static:
                found[name] = str(static[0])
        return found


def host_interfaces(inventory: Inventory, host: str) -> list[Interface]:
    """List the interfaces of a host that are in a network: the link itself, its VLAN, or the bridge over either."""
    found = []
    for name, link in inventory.hosts[host].links.items():
        if link.network is not None:
            device = (
                vlan_device(name, inventory.networks[link.network]) if carries_tagged(inventory, host, name) else name
            )
            found.append(Interface(link.bridge or device, link.network, link.address, link.default_route))
        for network, tagged in link.vlans.items():
            device = vlan_device(name, inventory.networks[network])
            found.append(Interface(tagged.bridge or device, network, tagged.address, tagged.default_route))
    return found


def carries_tagged(inventory: Inventory, host: str, link_name: str) -> bool:
    """Say whether a link's own network is tagged on the wire: as stated, else if the network has a VLAN id."""
    link = inventory.hosts[host].links[link_name]
    if link.network is None:
        return False
    return link.tagged if link.tagged is not None else inventory.networks[link.network].vlan is not None


def vlan_device(link: str, net: Net) -> str:
    """Name the VLAN interface of a network on a link: `eno2.20`."""
    return f"{link}.{net.vlan}"


def received_as(sender: str, pool: str, dataset: str, replica: Replication) -> str:
    """Give the name under which a dataset is received, with the receiving pool: `tank/replica/dl1/tank/vms`."""
    return f"{replica.pool}/{received_dataset(sender, pool, dataset, replica)}"
