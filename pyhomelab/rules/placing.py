"""Guests placed `anywhere` for which there is no place, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.allocation.placement import candidates, holders
from pyhomelab.errors import Mistake
from pyhomelab.model import ANYWHERE
from pyhomelab.text.wording import in_units, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Guest
    from pyhomelab.rules.scope import Scope


def guests_anywhere_have_a_place(scope: Scope) -> Iterator[Mistake]:
    """Refuse a guest that no host can run, or none that has room."""
    for name, guest in scope.inventory.guests.items():
        if guest.on == ANYWHERE and name not in scope.placement and _is_understood(scope, guest):
            reason, hint = _why(scope, guest)
            yield Mistake(("guests", name, "on"), reason, hint)


def _is_understood(scope: Scope, guest: Guest) -> bool:
    """Say whether all is known that decides where a guest can be; else another mistake says what is not."""
    volumes = [scope.inventory.volumes.get(disk.volume or "") for disk in guest.all_disks.values()]
    replicas = [host for volume in volumes if volume is not None for host in volume.replicas]
    return (
        bool(volumes)
        and None not in volumes
        and all(host in scope.inventory.hosts for host in replicas)
        and all(network in scope.inventory.networks for network in guest.links)
    )


def _why(scope: Scope, guest: Guest) -> tuple[str, str]:
    hosts = scope.inventory.hosts
    held = holders(scope.inventory, guest)
    if not held:
        return "finds no host: none holds a replica of all its volumes", "give its volumes a host in common"
    running = [name for name in held if hosts[name].kvm is not None]
    if not running:
        return (
            f"finds no host: {_hold(held)} its volumes, and runs no guests",
            f"write `kvm: {{}}` at {_one(held)}",
        )
    bridging = [name for name in running if guest.links.keys() <= scope.bridged(name)]
    if not bridging:
        missing = [network for network in guest.links if network not in scope.bridged(running[0])]
        networks = f"network {missing[0]}" if len(missing) == 1 else f"networks {listed(missing)}"
        return (
            f"finds no host: {_hold(running)} its volumes, and has no bridge for {networks}",
            f"write `bridge:` where {_one(running)} has {networks}",
        )
    if not candidates(scope.inventory, guest):
        reason = f"finds no host: {_hold(bridging)} its volumes, and has fewer than {guest.cpus} threads"
        return reason, "give the guest fewer `cpus`"
    return _no_room(scope, guest, candidates(scope.inventory, guest))


def _no_room(scope: Scope, guest: Guest, choices: list[str]) -> tuple[str, str]:
    groups = set(guest.anti_affinity)
    taken = [
        name
        for name in choices
        if any(groups & set(other.anti_affinity) for other in scope.guests_of.get(name, {}).values())
    ]
    if taken == choices:
        reason = f"finds no host: guests of its anti-affinity groups are on {listed(choices)}"
        return reason, "add a replica on another host, or take the guest out of the group"
    kind = "huge pages" if guest.hugepages else "memory"
    return (
        f"finds no host: {in_units(guest.memory)} of {kind} are free on none of {listed(choices)}",
        "give it less memory, or move another guest away",
    )


def _hold(hosts: list[str]) -> str:
    return f"{hosts[0]} alone holds" if len(hosts) == 1 else f"each of {listed(hosts)} holds"


def _one(hosts: list[str]) -> str:
    return f"host {hosts[0]}" if len(hosts) == 1 else f"one of {listed(hosts)}"
