"""Inventory → what taking a machine out of it means: who depends on it, what is lost, what stays, what to edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.allocation.identity import guest_zvol
from pyhomelab.decide.overview import Overview, received_as
from pyhomelab.decide.volumes import quorum
from pyhomelab.files.amendment import Put, TakeOut
from pyhomelab.text.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.files.amendment import Edit
    from pyhomelab.model import Inventory, Replication

_FEWEST_REPLICAS = 2


@dataclass(frozen=True, slots=True)
class Retirement:
    """What it means that a machine leaves the lab, in sentences.

    `refusals` say why it cannot leave yet, each with the way out; `losses` are gone with it, `stays` is left of it
    elsewhere. `edits` take it out of the inventory.
    """

    machine: str
    edits: tuple[Edit, ...]
    refusals: tuple[str, ...]
    losses: tuple[str, ...]
    stays: tuple[str, ...]


def retirement(inventory: Inventory, machine: str) -> Retirement:
    """Judge the leaving of a host or a guest of the inventory."""
    leaving = _Leaving(inventory, machine)
    refusals = (*leaving.is_run_on(), *leaving.is_a_copy(), *leaving.is_asked(), *leaving.serves())
    losses = (*leaving.pools(), *leaving.replicas(), *leaving.nodes())
    return Retirement(machine, tuple(_edits(inventory, machine)), refusals, losses, tuple(leaving.stays()))


def _edits(inventory: Inventory, machine: str) -> Iterator[Edit]:
    for name, volume in inventory.volumes.items():
        if machine == volume.witness:
            yield TakeOut(("volumes", name, "witness"))
        if machine in volume.replicas:
            yield TakeOut(("volumes", name, "replicas", volume.replicas.index(machine)))
    yield from _edits_of_clusters(inventory, machine)
    for name, secret in inventory.secrets.items():
        if secret.machines == (machine,):
            yield TakeOut(("secrets", name))
        elif machine in secret.machines:
            yield TakeOut(("secrets", name, "machines", secret.machines.index(machine)))
    yield TakeOut(("hosts" if machine in inventory.hosts else "guests", machine))


def _edits_of_clusters(inventory: Inventory, machine: str) -> Iterator[Edit]:
    for name, cluster in inventory.clusters.items():
        for role, members in (("servers", cluster.servers), ("agents", cluster.agents)):
            if machine in members:
                yield Put(("clusters", name, role), [member for member in members if member != machine])
        for key, by_machine in (("labels", cluster.labels), ("taints", cluster.taints)):
            if machine in by_machine:
                yield TakeOut(("clusters", name, key, machine))


class _Leaving:
    """A machine that is to leave, and the lab around it."""

    def __init__(self, inventory: Inventory, machine: str) -> None:
        self.inventory = inventory
        self.machine = machine
        self.overview = Overview(inventory)

    def is_run_on(self) -> Iterator[str]:
        """Refuse while guests are placed on it by name."""
        guests = [name for name, guest in self.inventory.guests.items() if guest.on == self.machine]
        if guests:
            yield f"it runs {listed(guests)}; give each another host by its `on`, or retire it first"

    def is_a_copy(self) -> Iterator[str]:
        """Refuse while others have no second copy, or no quorum, without it."""
        for name, volume in self.inventory.volumes.items():
            if self.machine in volume.replicas and len(volume.replicas) == _FEWEST_REPLICAS:
                yield (
                    f"it holds one of the two copies of volume {name}; append another host to volumes.{name}.replicas, "
                    "deploy, and wait for that copy, or take the volume out"
                )
            elif self.machine in volume.replicas[:-1]:
                yield (
                    f"volumes.{name}.replicas may only lose its last host, as the order is their identity; "
                    "copy its data to a new volume without this host, then take it out"
                )
            elif self.machine == volume.witness and quorum(volume) == "majority":
                yield f"volume {name} needs its vote; name another host in volumes.{name}.witness"
        for host, pool, dataset, replica in self._replications():
            if replica.host == self.machine:
                key = f"hosts.{host}.zfs.{pool}.datasets.{dataset}.replicate"
                yield f"it holds the other copy of {pool}/{dataset} of {host}; name another host in {key}, or remove it"

    def is_asked(self) -> Iterator[str]:
        """Refuse while others find their way by it."""
        own = {str(interface.address) for interface in self.overview.interfaces[self.machine] if interface.is_static}
        for name, network in self.inventory.networks.items():
            if str(network.gateway) in own:
                yield f"it is the gateway of network {name}; name another in networks.{name}.gateway"
            if not own.isdisjoint(map(str, network.dns)):
                yield f"it answers DNS in network {name}; name another server in networks.{name}.dns"
        if not own.isdisjoint(self.inventory.lab.ntp):
            yield "it tells the lab the time; name another server in lab.ntp"
        for section, machines in (("hosts", self.inventory.hosts), ("guests", self.inventory.guests)):
            for name, other in machines.items():
                if other.ssh.jump == self.machine:
                    yield f"ssh goes over it to {name}; name another way in {section}.{name}.ssh.jump"

    def serves(self) -> Iterator[str]:
        """Refuse to leave a cluster with servers that cannot vote as well as before."""
        for name, cluster in self.inventory.clusters.items():
            left = len(cluster.servers) - 1
            if self.machine in cluster.servers and not left:
                yield f"it is the only server of cluster {name}; take the cluster out first"
            elif self.machine in cluster.servers and left % 2 == 0:
                yield (
                    f"it is one of the {left + 1} servers of cluster {name}, and {left} bear no more failures than "
                    f"{left - 1}; put another machine in its place in clusters.{name}.servers"
                )

    def pools(self) -> Iterator[str]:
        """Say what lies on its own disks."""
        host = self.inventory.hosts.get(self.machine)
        for name, pool in (host.zfs if host is not None else {}).items():
            disks = counted(sum(len(vdev.disks) for vdev in pool.data_vdevs), "disk")
            datasets = f", with {listed(pool.datasets)}" if pool.datasets else ""
            yield f"pool {name} on its {disks}{datasets}"

    def replicas(self) -> Iterator[str]:
        """Say which copies and votes go with it."""
        for name, volume in self.inventory.volumes.items():
            if self.machine in volume.replicas:
                others = listed(host for host in volume.replicas if host != self.machine)
                yield f"its copy of volume {name}; {others} keep theirs"
            if self.machine == volume.witness:
                yield f"its vote on who may write volume {name}"

    def nodes(self) -> Iterator[str]:
        """Say what a cluster loses."""
        for name, cluster in self.inventory.clusters.items():
            if self.machine in cluster.members:
                role = "server" if self.machine in cluster.servers else "agent"
                yield f"a node of cluster {name} ({role}), with the local volumes of its pods"

    def stays(self) -> Iterator[str]:
        """Say what of it lies on other machines, and is removed by hand."""
        guest = self.inventory.guests.get(self.machine)
        for name, disk in (guest.all_disks if guest is not None else {}).items():
            host = self.overview.placement.get(self.machine, "its host")
            if disk.volume is not None:
                yield f"volume {disk.volume}, which no guest uses then"
            elif disk.on is not None:
                zvol = f"{disk.on}/{guest_zvol(self.machine, name)}"
                yield f"its disk {zvol} on {host}; there `zfs destroy -r {zvol}` removes it"
            else:
                yield f"its disk {disk.file} on {host}"
        for host, pool, dataset, replica in self._replications():
            if host == self.machine:
                copy = received_as(host, pool, dataset, replica)
                yield f"what it sent of {pool}/{dataset} to {replica.host}, in {copy}"

    def _replications(self) -> Iterator[tuple[str, str, str, Replication]]:
        for host_name, host in self.inventory.hosts.items():
            for pool_name, pool in host.zfs.items():
                for name, dataset in pool.datasets.items():
                    if dataset.replicate is not None:
                        yield host_name, pool_name, name, dataset.replicate
