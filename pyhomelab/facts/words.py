"""Disks and network cards as they are said to a person, on one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.text.wording import few, in_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.facts.machine import Disk, Facts, Nic

NOTHING = "nothing recognised"
_MOST_PARTS = 4
_TRANSPORTS = {"sata": "SATA", "ata": "ATA", "nvme": "NVMe", "sas": "SAS", "usb": "USB", "mmc": "MMC", "spi": "SCSI"}


def machine_in_words(facts: Facts) -> str:
    """Say what machine it is: `HP ProLiant DL360 G7: Intel(R) Xeon(R) CPU E5620 @ 2.40GHz, runs Debian 12`."""
    made_of = [facts.cpu_model or facts.architecture, *([f"runs {facts.system}"] if facts.system else [])]
    return f"{facts.product}: {', '.join(made_of)}" if facts.product else ", ".join(made_of)


def disk_in_words(disk: Disk) -> str:
    """Say what disk it is: `sda, 232.9GiB, SSD, SATA, Samsung SSD 860 EVO, serial number S3YJNB0K`."""
    return ", ".join(_of_disk(disk))


def _of_disk(disk: Disk) -> Iterator[str]:
    yield disk.name
    yield in_units(disk.size)
    if disk.rotational is not None and disk.transport not in ("nvme", "usb", "mmc", "virtio"):
        yield "HDD" if disk.rotational else "SSD"
    if disk.transport is not None:
        yield _TRANSPORTS.get(disk.transport, disk.transport)
    if disk.model is not None:
        yield disk.model
    if disk.serial is not None:
        yield f"serial number {disk.serial}"


def contents(disk: Disk, *, is_known: bool) -> str:
    """Say what lies on a disk: `ext4 "data"`, `sda1 vfat and sda2 ext4`, `nothing recognised`.

    What nobody recognises may be something all the same, such as the half of a mirror that only its controller knows.
    """
    whole = _named(disk.filesystem, disk.label)
    parts = [" ".join(filter(None, [part.name, _named(part.filesystem, part.label)])) for part in disk.parts]
    found = [*([whole] if whole else []), *parts]
    if found:
        return few(found, _MOST_PARTS)
    return NOTHING if is_known and not disk.uses else "contents unknown"


def _named(filesystem: str | None, label: str | None) -> str:
    return " ".join(filter(None, [filesystem, f'"{label}"' if label else None]))


def nic_in_words(nic: Nic) -> str:
    """Say what card it is, without its name: `9c:b6:54:00:00:01, tg3, 1000 Mbit/s, now 192.168.1.77/24`."""
    return ", ".join(_of_nic(nic))


def _of_nic(nic: Nic) -> Iterator[str]:
    yield nic.mac or "MAC address unknown"
    if nic.driver is not None:
        yield nic.driver
    if nic.bus == "usb":
        yield "USB"
    if nic.speed is not None:
        yield f"{nic.speed} Mbit/s"
    if nic.carrier is False:
        yield "no cable"
    if nic.addresses:
        yield f"now {few(nic.addresses, 2)}"
