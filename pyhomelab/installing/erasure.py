"""The disks that installing a machine erases, found on the machine, and every reason not to.

Any doubt is a reason: whether it is the machine that is meant, whether a disk is the one that is meant, whether
something uses it, or whose data it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain
from typing import TYPE_CHECKING

from pyhomelab.installing.meant import doubts
from pyhomelab.installing.owners import Owners
from pyhomelab.text.wording import few, in_units, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pyhomelab.facts.machine import Disk, Facts
    from pyhomelab.installing.meant import Seen
    from pyhomelab.model import Guest, Host, Inventory

_GIB = 1 << 30
_SYSTEM = 7 * _GIB
"""What a boot partition and a first system take, about; a disk with less is none that is meant for it."""
_TOLERANCE = 100  # one part of so many: makers round, and so do people
_LARGER = 1.1
_MOST_SHOWN = 4
_MEDIUM = "the medium "
_OF_A_TRY = ("mounted at /mnt", "active swap ", "member of the imported pool ")
_DECLARED_REMOVABLE = ("/dev/disk/by-id/usb-", "/dev/disk/by-id/mmc-")


class Excuse(Enum):
    """What may use the disks of a machine, and be no reason to leave them alone. Its boot medium is always one."""

    NONE = auto()
    AN_EARLIER_TRY = auto()
    """What an earlier try has mounted."""
    WHAT_RUNS = auto()
    """What runs there, which the machine leaves for an installer in memory; it is to be judged again when it has."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A disk as the inventory names it: what it is for, the bytes that needs at least, and the size that it states.

    `at_most` is the most that it may have, where the stated size is that of this very disk.
    """

    path: str
    role: str
    least: int = 0
    stated: int | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Doomed:
    """A disk that is erased: why, which disk of the machine it is, and what it holds now, in words."""

    wanted: Wanted
    disk: Disk
    holds: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return f"{self.wanted.path} ({self.wanted.role}, {self.disk.path})"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What would be erased, and every reason not to do it."""

    doomed: tuple[Doomed, ...]
    reasons: tuple[str, ...]

    @property
    def identity(self) -> str:
        """Give the disks that are erased as words by which they are known again: name and serial number of each."""
        return " ".join(sorted(f"{one.wanted.path}={one.disk.serial or one.disk.wwn or '?'}" for one in self.doomed))


def wanted_disks(inventory: Inventory, machine: str, devices: Iterable[str]) -> tuple[Wanted, ...]:
    """Say what each device is for, of those that the machine's own layout erases, in their order."""
    host = inventory.hosts.get(machine)
    stated = _of_host(host) if host is not None else _of_guest(inventory, inventory.guests[machine])
    known = {wanted.path: wanted for wanted in stated}
    return tuple(known.get(device, Wanted(device, "named in extra.nix")) for device in dict.fromkeys(devices))


def left_out(inventory: Inventory, machine: str, devices: Iterable[str]) -> tuple[str, ...]:
    """Name the disks of a host that the inventory has, and its layout does not: it would boot without them."""
    host, laid_out = inventory.hosts.get(machine), set(devices)
    wanted = _of_host(host) if host is not None else ()
    return tuple(one.path for one in wanted if one.path not in laid_out)


def _of_host(host: Host) -> Iterator[Wanted]:
    boot = host.boot
    most = boot.disk_size * _LARGER if boot.disk_size is not None else None
    yield Wanted(boot.disk, "system disk", _SYSTEM + (boot.swap or 0), boot.disk_size, most)
    for name, pool in host.zfs.items():
        role = f"pool {name}"
        data = chain.from_iterable(vdev.disks for vdev in pool.data_vdevs)
        yield from (Wanted(disk, role, stated=pool.disk_size) for disk in data)
        support = chain.from_iterable(vdev.disks for vdev in (*pool.special, *pool.log))
        yield from (Wanted(disk, role) for disk in (*support, *pool.cache, *pool.spares))


def _of_guest(inventory: Inventory, guest: Guest) -> Iterator[Wanted]:
    name, disk = next(iter(guest.all_disks.items()))
    volume = inventory.volumes.get(disk.volume or "")
    size = volume.size if volume is not None else disk.size
    yield Wanted(f"/dev/disk/by-id/virtio-{name}", "system disk", _SYSTEM + (guest.swap or 0), size)


def judge(inventory: Inventory, machine: str, wanted: Iterable[Wanted], seen: Seen, excuse: Excuse) -> Judgement:
    """Find the disks on the machine, and every reason not to erase them."""
    disks, facts = tuple(wanted), seen.facts
    found = {one.path: [disk for disk in facts.disks if one.path in disk.by_id] for one in disks}
    owners = Owners(inventory, machine, seen.standing)
    first = {one: found[one.path][0] for one in disks if found[one.path]}
    doomed = tuple(Doomed(one, disk, owners.holdings(disk)) for one, disk in first.items())
    reasons = [
        *(f"it could not tell {missing}" for missing in facts.missing),
        *doubts(inventory, machine, seen, leaves=excuse is Excuse.WHAT_RUNS),
        *_not_found(disks, found, facts),
        *(reason for one in doomed for reason in _of_disk(one, excuse)),
        *(reason for one in doomed for reason in owners.strangers(one.name, one.disk)),
    ]
    return Judgement(doomed, tuple(dict.fromkeys(reasons)))


def _not_found(wanted: Iterable[Wanted], found: Mapping[str, list[Disk]], facts: Facts) -> Iterator[str]:
    first: dict[str, str] = {}
    named = [f"{disk.by_id[0]} ({_size_and_model(disk)})" for disk in facts.disks if disk.by_id]
    there = f"there are {few(named, _MOST_SHOWN)}" if named else "there is none with a lasting name"
    for one in wanted:
        disks = found[one.path]
        if not disks:
            yield f"{one.path} ({one.role}) is not a disk of it; {there}"
        elif len(disks) > 1:
            names = listed(disk.path for disk in disks)
            yield f"{one.path} ({one.role}) is the name of {names} at once: name them by serial number or wwn"
        elif disks[0].path in first:
            other = first[disks[0].path]
            yield f"{one.path} and {other} are the same disk ({disks[0].path}): it can be named only once"
        else:
            first[disks[0].path] = one.path


def _of_disk(one: Doomed, excuse: Excuse) -> Iterator[str]:
    wanted, disk, name = one.wanted, one.disk, one.name
    yield from (f"{name} is in use: {use}" for use in disk.uses if not _is_excused(use, excuse))
    if disk.read_only:
        yield f"{name} cannot be written to"
    if disk.removable and not wanted.path.startswith(_DECLARED_REMOVABLE):
        yield f"{name} is removable: pull it out, or name another disk"
    if disk.size < wanted.least:
        yield f"{name} has {in_units(disk.size)}, and the system needs {in_units(wanted.least)} on it"
    if wanted.stated is not None and not _fits(disk.size, wanted.stated, wanted.at_most):
        has, stated = in_units(disk.size), in_units(wanted.stated)
        yield f"{name} has {has}, and the inventory says {stated}: is it the right disk?"


def _is_excused(use: str, excuse: Excuse) -> bool:
    if excuse is Excuse.NONE or use.startswith(_MEDIUM):
        return False
    return excuse is Excuse.WHAT_RUNS or use.startswith(_OF_A_TRY)


def _fits(size: int, stated: int, at_most: float | None) -> bool:
    is_enough = size >= stated * (_TOLERANCE - 1) / _TOLERANCE
    return is_enough and (at_most is None or size <= at_most)


def _size_and_model(disk: Disk) -> str:
    return " ".join(filter(None, (in_units(disk.size), disk.model)))
