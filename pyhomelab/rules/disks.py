"""Disks of guests: what each is, and where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.allocation.identity import guest_zvol
from pyhomelab.errors import Mistake
from pyhomelab.model import ANYWHERE
from pyhomelab.text.wording import in_units, near_miss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Guest, GuestDisk
    from pyhomelab.rules.scope import Path, Scope

_IMAGES = (".qcow2", ".raw", ".img")
_MOST_DISKS = 26
_KINDS = "`size:` and `on:` (a pool), `size:` and `file:`, or `volume:` alone"


def guests_have_disks(scope: Scope) -> Iterator[Mistake]:
    """Refuse a guest without a disk, and a root disk that is written twice."""
    for name, guest in scope.inventory.guests.items():
        if not guest.all_disks:
            hint = "add `disk: {size: 40GiB, on: POOL}`"
            yield Mistake(("guests", name), "has no disk to start from", hint, shows_value=False)
        elif guest.disk is not None and "root" in guest.disks:
            reason = "is what `disk` is called already"
            yield Mistake(("guests", name, "disks", "root"), reason, "keep one of the two", shows_value=False)


def disks_have_letters(scope: Scope) -> Iterator[Mistake]:
    """Refuse more disks than there are letters: a guest's last one is vdz."""
    for name, guest in scope.inventory.guests.items():
        count = len(guest.all_disks)
        if count > _MOST_DISKS:
            reason = f"are {count} with `disk`, and" if guest.disk is not None else f"are {count}, and"
            hint = "use fewer, larger ones"
            path = ("guests", name, "disks")
            yield Mistake(path, f"{reason} a guest has {_MOST_DISKS} at most (vda to vdz)", hint, shows_value=False)


def disks_are_of_one_kind(scope: Scope) -> Iterator[Mistake]:
    """Refuse a disk that is two things at once, or not enough of one."""
    for path, _, disk in _disks(scope):
        reason, hint = _unclear(disk)
        if reason:
            yield Mistake(path, reason, hint, shows_value=False)


def _unclear(disk: GuestDisk) -> tuple[str, str]:
    others = [key for key in ("size", "on", "file") if getattr(disk, key) is not None]
    if disk.volume is not None and others:
        return f"is a volume, which is taken whole, and has `{others[0]}` as well", f"write {_KINDS}"
    if disk.volume is not None:
        return "", ""
    if disk.on is not None and disk.file is not None:
        return "lies in a pool and in a file at once", "keep `on` or `file`"
    if disk.size is None:
        return "has no size" if others else "is empty", f"write {_KINDS}"
    if disk.on is None and disk.file is None:
        return "has a size, but lies nowhere", "add `on:` with a pool of the host, or `file:`"
    return "", ""


def zvols_lie_in_pools_of_the_host(scope: Scope) -> Iterator[Mistake]:
    """Refuse a pool that the guest's host does not have."""
    for path, guest, disk in _disks(scope):
        host = scope.inventory.hosts.get(guest.on)
        if host is not None and disk.on is not None and disk.on not in host.zfs:
            hint = near_miss(disk.on, host.zfs, kind="pool on it")
            yield Mistake((*path, "on"), f"is not a pool of host {guest.on}", hint)


def volumes_have_one_guest(scope: Scope) -> Iterator[Mistake]:
    """Refuse a volume that does not exist, has a guest already, or has no replica where the guest runs."""
    first: dict[str, str] = {}
    for path, guest, disk in _disks(scope):
        if disk.volume is None:
            continue
        place = (*path, "volume")
        yield from scope.unknown(place, disk.volume, "volume", "volumes")
        if disk.volume in first:
            reason = f"is a disk of guest {first[disk.volume]} already"
            yield Mistake(place, reason, "two guests on one volume destroy it: make a second volume")
        first.setdefault(disk.volume, str(path[1]))
        volume = scope.inventory.volumes.get(disk.volume)
        if volume is not None and guest.on in scope.inventory.hosts and guest.on not in volume.replicas:
            hint = f"run the guest on one of {', '.join(volume.replicas)}"
            yield Mistake(place, f"has no replica on host {guest.on}", hint)


def disks_lie_apart(scope: Scope) -> Iterator[Mistake]:
    """Refuse two disks that would be one file or one zvol of a host, and files that are no disk images."""
    first: dict[tuple[str, str], Path] = {}
    for path, guest, disk in _disks(scope):
        place = _place(path, disk)
        if disk.file is not None and not disk.file.endswith(_IMAGES):
            yield Mistake((*path, "file"), "is not called like a disk image", "let it end in .qcow2 or .raw")
        if place is None or guest.on == ANYWHERE:
            continue
        if (guest.on, place) in first:
            other = first[guest.on, place]
            shown = (*path, "file") if disk.file is not None else path
            reason = f"would be {place}, as {_said(other)} is on host {guest.on}"
            yield Mistake(shown, reason, "rename one of the two", shows_value=False)
        first.setdefault((guest.on, place), path)


def _place(path: Path, disk: GuestDisk) -> str | None:
    file: str | None = disk.file
    if file is not None:
        return file
    return f"{disk.on}/{guest_zvol(str(path[1]), _name(path))}" if disk.on is not None else None


def disks_hold_their_swap(scope: Scope) -> Iterator[Mistake]:
    """Refuse a swap partition that leaves no room for the system."""
    for name, guest in scope.inventory.guests.items():
        first = next(iter(guest.all_disks.values()), None)
        volume = scope.inventory.volumes.get(first.volume or "") if first is not None else None
        size = volume.size if volume is not None else first.size if first is not None else None
        if guest.swap is not None and size is not None and guest.swap >= size:
            reason = f"leaves nothing of the system disk of {in_units(size)}"
            yield Mistake(("guests", name, "swap"), reason, "make the disk larger, or the swap smaller")
    for name, host in scope.inventory.hosts.items():
        boot = host.boot
        if boot.swap is not None and boot.disk_size is not None and boot.swap >= boot.disk_size:
            reason = f"leaves nothing of the system disk of {in_units(boot.disk_size)}"
            yield Mistake(("hosts", name, "boot", "swap"), reason, "make the swap smaller")


def _disks(scope: Scope) -> Iterator[tuple[Path, Guest, GuestDisk]]:
    for name, guest in scope.inventory.guests.items():
        if guest.disk is not None:
            yield ("guests", name, "disk"), guest, guest.disk
        for disk_name, disk in guest.disks.items():
            yield ("guests", name, "disks", disk_name), guest, disk


def _name(path: Path) -> str:
    return "root" if path[-1] == "disk" else str(path[-1])


def _said(path: Path) -> str:
    return f"disk {_name(path)} of guest {path[1]}"
