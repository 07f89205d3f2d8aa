"""What lsblk says → the disks of a machine, with what lies on them and what uses them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyhomelab.facts.disk_names import best_first
from pyhomelab.facts.machine import Disk, Part
from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Device = dict[str, Any]
SWAP = "[SWAP]"
# The parts of an eMMC that are no place for data are disks to lsblk.
_NO_DISK = re.compile(r"(?:zram|ram|nbd|fd|sr|dm-|md|drbd|zd|rbd|pmem\d+s)\d+|mmcblk\d+(?:boot\d+|rpmb|gp\d+)")
_MEDIA = ("/iso", "/cdrom", "/run/live/medium", "/lib/live/mount/medium", "/run/initramfs/live", "/run/archiso/bootmnt")
_MOST_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Beside:
    """What lsblk does not know: the links to disks, what belongs to a btrfs or to a pool, the imported pools.

    `contents` are filesystem and label where lsblk may know of none; `unread` are disks without a device. All but
    `pools` are by the kernel's name of a disk or a partition.
    """

    by_id: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by_path: Mapping[str, Sequence[str]] = field(default_factory=dict)
    btrfs: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    pools: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()


def disks_of(text: str, beside: Beside) -> tuple[Disk, ...]:
    """Read the JSON of lsblk; raises ValueError if it is none."""
    try:
        devices = json.loads(text)["blockdevices"]
    except (RecursionError, KeyError, TypeError):
        raise ValueError(text[:80]) from None
    for device in _devices(devices):
        _fill_in(device, beside)
    found = [_disk(device, beside) for device in _devices(devices) if _is_disk(device)]
    return tuple(sorted(found, key=lambda disk: (len(disk.name), disk.name)))


def _fill_in(device: Device, beside: Beside) -> None:
    """Write into a device, and all that was made of it, what lies there and lsblk did not know."""
    for one in _walk(device):
        if not one.get("fstype") and (content := beside.contents.get(_kernel_name(one))) is not None:
            one["fstype"], one["label"] = content


def _devices(value: object) -> list[Device]:
    return [device for device in value if isinstance(device, dict)] if isinstance(value, list) else []


def _is_disk(device: Device) -> bool:
    name = _kernel_name(device)
    return device.get("type") in ("disk", "loop") and _size(device) > 0 and not _NO_DISK.fullmatch(name or "sr0")


def _disk(device: Device, beside: Beside) -> Disk:
    name, below = _kernel_name(device), list(_walk(device))
    return Disk(
        name=name,
        path=f"/dev/{_text(device, 'kname') or name}",
        by_id=best_first(beside.by_id.get(name, ())),
        by_path=tuple(f"/dev/disk/by-path/{link}" for link in beside.by_path.get(name, ())),
        size=_size(device),
        model=_model(device),
        serial=_text(device, "serial"),
        wwn=_text(device, "wwn"),
        rotational=_truth(device, "rota"),
        transport=_transport(device, name),
        removable=bool(_truth(device, "rm") or device.get("tran") in ("usb", "ieee1394")),
        read_only=bool(_truth(device, "ro")),
        filesystem=_text(device, "fstype"),
        label=_text(device, "label"),
        parts=tuple(_part(part) for part in below[1:]),
        uses=tuple(dict.fromkeys(use for one in below for use in _uses(one, beside))),
    )


def _walk(device: Device, depth: int = 0) -> Iterator[Device]:
    """Give a device, then all that was made of it."""
    yield device
    for child in _devices(device.get("children")) if depth < _MOST_DEPTH else ():
        yield from _walk(child, depth + 1)


def _part(device: Device) -> Part:
    return Part(_kernel_name(device), _size(device), _text(device, "fstype"), _text(device, "label"), _mounts(device))


def _uses(device: Device, beside: Beside) -> Iterator[str]:
    name = _kernel_name(device)
    for mount in _mounts(device):
        yield f"active swap ({name})" if mount == SWAP else f"mounted at {mount} ({name})"
        if mount in _MEDIA:
            yield f"the medium that the machine booted from ({name})"
    yield from (_holding(child, name) for child in _devices(device.get("children")) if child.get("type") != "part")
    if (pool := _pool(device, beside)) is not None:
        yield f"member of the imported pool {pool} ({name})"
    if name in beside.btrfs:
        yield f"part of the btrfs {beside.btrfs[name]} ({name})"
    if name in beside.unread:
        yield f"nobody can look at it from there: it has no device ({name})"
    if device.get("type") == "loop":
        yield "a file of a filesystem, which looks like a disk"


def _pool(device: Device, beside: Beside) -> str | None:
    """Give the imported pool that a device is of: by what zpool said, or by its label if there is no zpool."""
    label = _text(device, "label")
    by_label = label if _text(device, "fstype") == "zfs_member" and label in beside.pools else None
    return beside.members.get(_kernel_name(device), by_label)


def _holding(child: Device, below: str) -> str:
    kind, name = _text(child, "type") or "device", _text(child, "name") or _kernel_name(child)
    if kind.startswith(("raid", "linear")):
        return f"part of the array {name} ({below})"
    made = {"lvm": "an active volume of LVM", "crypt": "an opened LUKS", "mpath": "a device of multipath"}
    return f"has {made.get(kind, f'something made of it ({kind})')}: {name} ({below})"


def _mounts(device: Device) -> tuple[str, ...]:
    several = device.get("mountpoints", [device.get("mountpoint")])
    mounts = several if isinstance(several, list) else []
    return tuple(_clean(mount) for mount in mounts if isinstance(mount, str) and mount)


def _model(device: Device) -> str | None:
    vendor, model = _text(device, "vendor"), _text(device, "model")
    # of ATA and NVMe the model says who made it; the vendor is then the kind of the disk, or a number
    if model is None or vendor is None or vendor in ("ATA", "NVMe") or re.fullmatch("0x[0-9a-f]+", vendor):
        return model
    return model if model.startswith(vendor) else f"{vendor} {model}"


def _transport(device: Device, name: str) -> str | None:
    kinds = {"mmcblk": "mmc", "vd": "virtio", "loop": "loop"}
    return _text(device, "tran") or next((kind for start, kind in kinds.items() if name.startswith(start)), None)


def _kernel_name(device: Device) -> str:
    return (_text(device, "kname") or _text(device, "name") or "").rpartition("/")[2]


def _size(device: Device) -> int:
    size = device.get("size")
    return int(size) if isinstance(size, (int, str)) and re.fullmatch("[0-9]{1,18}", str(size)) else 0


def _truth(device: Device, key: str) -> bool | None:
    """Read a truth value; before 2.33, lsblk wrote them as "0" and "1"."""
    return {"True": True, "1": True, "False": False, "0": False}.get(str(device.get(key)))


def _text(device: Device, key: str) -> str | None:
    value = device.get(key)
    return (_clean(value) or None) if isinstance(value, str) else None


def _clean(text: str) -> str:
    return " ".join(harmless(text).split())
