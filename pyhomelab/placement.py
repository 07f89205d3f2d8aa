"""Which host runs which guest."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from pyhomelab.model import ANYWHERE

if TYPE_CHECKING:
    from pyhomelab.model import Guest, Inventory


def candidates(inventory: Inventory, guest: Guest) -> list[str]:
    """Give the hosts that could run a guest placed `anywhere`: those that hold all its DRBD volumes and bridge its networks.

    Sorted by name. A guest with a disk that only one host has is never placed by itself, so it has none.
    """
    disks = guest.all_disks.values()
    if any(disk.volume is None for disk in disks):
        return []
    volumes = [inventory.volumes[disk.volume] for disk in disks if disk.volume in inventory.volumes]
    return sorted(
        name
        for name, host in inventory.hosts.items()
        if host.kvm is not None
        and all(name in volume.replicas for volume in volumes)
        and guest.links.keys() <= bridged_networks(inventory, name).keys()
    )


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

    A stated host is taken as it is. A guest placed `anywhere` goes to the candidate with memory left that no guest of its
    anti-affinity groups is on; among several, a hash of both names decides, so that other guests' coming and going moves it
    only when it must.
    """
    placed = {name: guest.on for name, guest in inventory.guests.items() if guest.on != ANYWHERE}
    free = {name: host.memory - host.reserved_memory for name, host in inventory.hosts.items()}
    for name, host in placed.items():
        if host in free:
            free[host] -= inventory.guests[name].memory
    for name in sorted(inventory.guests.keys() - placed.keys()):
        guest = inventory.guests[name]
        kept_apart = {
            host for other, host in placed.items() if set(inventory.guests[other].anti_affinity) & set(guest.anti_affinity)
        }
        choices = [host for host in candidates(inventory, guest) if host not in kept_apart and free[host] >= guest.memory]
        if choices:
            placed[name] = max(choices, key=lambda host: sha256(f"{name}\0{host}".encode()).digest())  # noqa: B023
            free[placed[name]] -= guest.memory
    return placed
