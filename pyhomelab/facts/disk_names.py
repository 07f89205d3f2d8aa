"""Which of a disk's names lasts, and whether it can be named without doubt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyhomelab.facts.machine import Disk

BY_ID = "/dev/disk/by-id/"
# What a person recognises comes first: maker, model and serial number. Then what only a machine reads.
_ORDER = (
    r"ata-.*",
    r"nvme-(?!eui\.|uuid\.|nvme\.).*",
    r"mmc-.*",
    r"virtio-.*",
    r"scsi-S.*",
    r"usb-.*",
    r"scsi-0.*",
    r"wwn-.*",
    r"nvme-(?:eui|uuid)\..*",
    r"scsi-3.*",
)
# These belong to what lies on the disk, and go when it is erased.
_OF_CONTENT = re.compile(r"(?:dm|md|lvm|bcache|zfs|raid)-.*")
_WRITABLE = re.compile(r"[A-Za-z0-9_.:+=@-]+")


def best_first(names: Iterable[str]) -> tuple[str, ...]:
    """Sort a disk's names under by-id, without those of its content and those that an inventory cannot hold."""
    lasting = {name for name in names if _WRITABLE.fullmatch(name) and not _OF_CONTENT.fullmatch(name)}
    return tuple(BY_ID + name for name in sorted(lasting, key=lambda name: (_rank(name), len(name), name)))


def _rank(name: str) -> int:
    return next((rank for rank, kind in enumerate(_ORDER) if re.fullmatch(kind, name)), len(_ORDER))


def unnameable(disk: Disk, disks: Sequence[Disk]) -> str:
    """Say why no name of a disk means it without doubt; an empty text if the first of its names does."""
    if not disk.by_id:
        return "has no name under /dev/disk/by-id"
    others = [other for other in disks if other.name != disk.name]
    shared = [other.name for other in others if set(other.by_id) & set(disk.by_id)]
    if shared:
        return f"shares a name with {shared[0]}"
    twins = [other.name for other in others if _number(disk) and _number(other) == _number(disk)]
    return f"has the serial number of {twins[0]} too" if twins else ""


def _number(disk: Disk) -> tuple[str | None, str] | None:
    return (disk.model, disk.serial) if disk.serial else None
