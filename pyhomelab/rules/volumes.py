"""DRBD volumes: who holds them, who votes, and over which network."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pyhomelab.allocation.identity import volume_minor
from pyhomelab.errors import Mistake
from pyhomelab.text.wording import counted, near_miss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Volume
    from pyhomelab.rules.scope import Path, Scope

_MOST_REPLICAS = 3
_MINORS = 1000


def volumes_have_replicas(scope: Scope) -> Iterator[Mistake]:
    """Refuse volumes of one copy or of more than three, and a host that is named twice."""
    for name, volume in scope.inventory.volumes.items():
        path: Path = ("volumes", name, "replicas")
        count = len(volume.replicas)
        if count < 2 or count > _MOST_REPLICAS:  # noqa: PLR2004
            hint = "name two or three; a disk on one host alone needs no volume: see `on:` of a guest's disk"
            yield Mistake(path, f"has {counted(count, 'host')}", hint)
        for index, host in enumerate(volume.replicas):
            if host in volume.replicas[:index]:
                yield Mistake((*path, index), "is named twice", "name another host")
        if name == "all":
            yield Mistake(path[:2], "means every volume to drbdadm", "rename the volume", shows_value=False)


def volumes_name_hosts_that_hold_them(scope: Scope) -> Iterator[Mistake]:
    """Refuse replicas and witnesses that are no hosts, or lack the pool or an address in the network."""
    for name, volume in scope.inventory.volumes.items():
        yield from scope.unknown(("volumes", name, "network"), volume.network, "network", "networks")
        for path, host_name in _members(name, volume):
            host = scope.inventory.hosts.get(host_name)
            if host is None:
                yield from scope.unknown(path, host_name, "host", "hosts")
                continue
            if path[-1] != "witness" and volume.on not in host.zfs:
                hint = f"{near_miss(volume.on, host.zfs, kind='pool')} (`on:` is the pool on every replica)"
                yield Mistake(path, f"has no pool {volume.on}", hint)
            known = volume.network in scope.inventory.networks
            if known and volume.network not in scope.fixed.get(host_name, {}):
                yield Mistake(
                    path,
                    f"has no fixed address in network {volume.network}",
                    f"give a link of {host_name} an `address:` in it, or replicate over another network",
                )


def witnesses_break_ties(scope: Scope) -> Iterator[Mistake]:
    """Refuse a witness that holds a copy, or that there are votes enough without."""
    for name, volume in scope.inventory.volumes.items():
        path = ("volumes", name, "witness")
        if volume.witness is None:
            continue
        if volume.witness in volume.replicas:
            yield Mistake(path, "holds a replica, and has that vote already", "name a host that holds none")
        elif len(volume.replicas) >= _MOST_REPLICAS:
            reason = "would be a fourth vote, and four can be split in half"
            yield Mistake(path, reason, "leave it out: three replicas are three votes")


def volumes_know_who_may_write(scope: Scope) -> Iterator[Mistake]:
    """Refuse a volume of two votes that does not say what that means, and a quorum that cannot be."""
    if scope.inventory.lab.drbd_version == "8.4":
        return
    for name, volume in scope.inventory.volumes.items():
        votes = len(volume.replicas) + (volume.witness is not None)
        if votes == 2 and volume.quorum is None:  # noqa: PLR2004
            yield Mistake(
                ("volumes", name),
                "has two replicas and no witness: when the network is cut, neither knows who may write",
                "name a third host as `witness:`, or accept with `quorum: off` that both sides may write",
                shows_value=False,
            )
        elif votes == 2 and volume.quorum == "majority":  # noqa: PLR2004
            hint = "name a third host as `witness:`, or write `quorum: off`"
            yield Mistake(("volumes", name, "quorum"), "needs three votes, and there are two", hint)
        elif volume.witness is not None and volume.quorum == "off":
            hint = "leave out `quorum`, or the witness"
            yield Mistake(("volumes", name, "quorum"), "leaves the witness without a vote", hint)


def old_drbd_is_asked_for_what_it_can(scope: Scope) -> Iterator[Mistake]:
    """Refuse witnesses, three replicas and quorums of DRBD 8.4, which knows none of them."""
    if scope.inventory.lab.drbd_version != "8.4":
        return
    newer = "or set `drbd_version:` of the lab to 9"
    for name, volume in scope.inventory.volumes.items():
        path: Path = ("volumes", name)
        if volume.witness is not None:
            yield Mistake((*path, "witness"), "is not possible: DRBD 8.4 has no witnesses", f"leave it out, {newer}")
        if len(volume.replicas) >= _MOST_REPLICAS:
            reason = f"are {len(volume.replicas)} hosts, and DRBD 8.4 knows two"
            yield Mistake((*path, "replicas"), reason, f"name two hosts, {newer}", shows_value=False)
        if volume.quorum is None:
            reason = "must say `quorum: off`: DRBD 8.4 lets both sides of a cut write"
            yield Mistake(path, reason, f"write `quorum: off` if you accept that, {newer}", shows_value=False)
        elif volume.quorum != "off":
            reason = "is not possible: DRBD 8.4 has no quorum"
            yield Mistake((*path, "quorum"), reason, f"write `quorum: off`, {newer}")


def two_writers_wait_for_each_other(scope: Scope) -> Iterator[Mistake]:
    """Refuse two writers of a volume whose writes are not answered by both hosts."""
    for name, volume in scope.inventory.volumes.items():
        if volume.dual_primary and volume.protocol != "C":
            reason = f"needs protocol C, and this volume has {volume.protocol}"
            yield Mistake(("volumes", name, "dual_primary"), reason, "leave out one of the two")


def volumes_have_numbers_of_their_own(scope: Scope) -> Iterator[Mistake]:
    """Refuse two volumes with one device number (and so one port) on a host."""
    used: dict[str, dict[int, str]] = defaultdict(dict)
    clashes: list[tuple[str, Volume, str]] = []
    for name, volume in scope.inventory.volumes.items():
        minor, hosts = volume_minor(name, volume), [host for _, host in _members(name, volume)]
        other = next((used[host][minor] for host in hosts if minor in used[host]), None)
        if other is not None:
            clashes.append((name, volume, other))
        for host in hosts:
            used[host].setdefault(minor, name)
    for name, volume, other in clashes:
        taken = {minor for _, host in _members(name, volume) for minor in used[host]}
        yield _same_minor(name, volume, other, taken)


def _same_minor(name: str, volume: Volume, other: str, taken: set[int]) -> Mistake:
    free = next((minor for minor in range(_MINORS) if minor not in taken), None)
    hint = f"write `minor: {free}` here" if free is not None else f"a host can have {_MINORS} volumes at most"
    if volume.minor is not None:
        return Mistake(("volumes", name, "minor"), f"is the minor of volume {other}, too", hint)
    reason = f"would get the minor {volume_minor(name, volume)} of volume {other}"
    return Mistake(("volumes", name), reason, hint, shows_value=False)


def _members(name: str, volume: Volume) -> Iterator[tuple[Path, str]]:
    for index, host in enumerate(volume.replicas):
        yield ("volumes", name, "replicas", index), host
    if volume.witness is not None:
        yield ("volumes", name, "witness"), volume.witness
