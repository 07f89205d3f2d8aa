"""Which host runs which guest."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING

from pyhomelab.allocation.capacity import memory_to_promise
from pyhomelab.model import ANYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyhomelab.model import Guest, Inventory


def candidates(inventory: Inventory, guest: Guest) -> list[str]:
    """Give the hosts that could run a guest placed `anywhere`, sorted by name.

    They hold all its DRBD volumes and bridge its networks. A guest with a disk that only one host has is
    never placed by itself, so it has none.
    """
    return [
        name
        for name in holders(inventory, guest)
        if inventory.hosts[name].kvm is not None
        and guest.cpus <= inventory.hosts[name].cpu_threads
        and guest.links.keys() <= bridged_networks(inventory, name).keys()
    ]


def holders(inventory: Inventory, guest: Guest) -> list[str]:
    """Give the hosts, sorted by name, that hold a replica of every disk of a guest."""
    volumes = [inventory.volumes.get(disk.volume or "") for disk in guest.all_disks.values()]
    replicas = [frozenset(volume.replicas if volume is not None else ()) for volume in volumes]
    common = frozenset.intersection(*replicas) if replicas else frozenset()
    return sorted(name for name in common if name in inventory.hosts)


def bridged_networks(inventory: Inventory, host: str) -> dict[str, str]:
    """Give the networks that a host bridges for guests, with the bridge of each."""
    bridges: dict[str, str] = {}
    for link in inventory.hosts[host].links.values():
        if link.bridge is not None and link.network is not None:
            bridges.setdefault(link.network, link.bridge)
        for network, tagged in link.vlans.items():
            if tagged.bridge is not None:
                bridges.setdefault(network, tagged.bridge)
    return bridges


def place(inventory: Inventory) -> dict[str, str]:
    """Give the host of every guest that has one.

    A stated host is taken as it is. A guest placed `anywhere` goes to the candidate with memory left that no
    guest of its anti-affinity groups is on; among several, a hash of both names decides, so that the coming and
    going of others moves it only when it must.
    """
    room = _Room(inventory)
    placed: dict[str, str] = {}
    for name, guest in inventory.guests.items():
        if guest.on != ANYWHERE:
            placed[name] = guest.on
            room.take(guest.on, guest)
    for name in sorted(inventory.guests.keys() - placed.keys()):
        guest = inventory.guests[name]
        choices = [host for host in candidates(inventory, guest) if room.is_kept(host, guest)]
        if choices:
            placed[name] = _chosen(name, choices)
            room.take(placed[name], guest)
    return placed


def _chosen(guest: str, hosts: Iterable[str]) -> str:
    return max(hosts, key=lambda host: sha256(f"{guest}\0{host}".encode()).digest())


class _Room:
    """What hosts have left while guests are being placed."""

    def __init__(self, inventory: Inventory) -> None:
        hosts = inventory.hosts.items()
        self._left = {name: list(memory_to_promise(inventory, host)) for name, host in hosts}
        self._groups: dict[str, set[str]] = defaultdict(set)

    def take(self, host: str, guest: Guest) -> None:
        """Count a guest on a host."""
        if host in self._left:
            self._left[host][guest.hugepages] -= guest.memory
        self._groups[host].update(guest.anti_affinity)

    def is_kept(self, host: str, guest: Guest) -> bool:
        """Say whether a host has memory left for a guest, and no guest of its anti-affinity groups."""
        fits = self._left[host][guest.hugepages] >= guest.memory
        return fits and self._groups[host].isdisjoint(guest.anti_affinity)
