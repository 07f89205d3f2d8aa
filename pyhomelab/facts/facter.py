"""A report of nixos-facter → what a machine is made of, as far as the report says.

It says less than the machine itself: of a network card no MAC address, of a disk neither what lies on it nor what uses
it. Reports of before version 0.4.3 do not say either whether the machine has UEFI.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pyhomelab.errors import Refused
from pyhomelab.facts.answer import built_in
from pyhomelab.facts.disk_names import best_first
from pyhomelab.facts.machine import Disk, Facts, Nic
from pyhomelab.text.wording import harmless, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyhomelab.facts.machine import Firmware, Virtualization

Part = dict[str, Any]
LARGEST_REPORT = 16 << 20
_BY_ID, _BY_PATH = "/dev/disk/by-id/", "/dev/disk/by-path/"
_MOST = 1 << 60
_LACKS = (
    "the MAC addresses and links of its network cards: a report has none",
    "what lies on its disks, and what uses them: a report does not say it",
)


def read_report(file: Path) -> Facts:
    """Read the file of a report; raises Refused, with the reason, if it is none."""
    where = shown(file)
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_REPORT + 1)
    except OSError as error:
        raise Refused(f"cannot be read: {(error.strerror or str(error)).lower()}", where=where) from None
    if len(data) > LARGEST_REPORT:
        raise Refused(f"is larger than {LARGEST_REPORT >> 20} MiB, which no report is", where=where)
    try:
        return facts_of_report(json.loads(data))
    except (ValueError, RecursionError):
        hint = "make one on the machine: `sudo nix run nixpkgs#nixos-facter -- -o facter.json`"
        raise Refused("is no report of nixos-facter", where=where, hint=hint) from None


def facts_of_report(report: object) -> Facts:
    """Take a report apart; raises ValueError if it is none."""
    if not isinstance(report, dict) or not isinstance(report.get("hardware"), dict) or "system" not in report:
        raise ValueError("no report")
    hardware, smbios, uefi = report["hardware"], _part(report.get("smbios")), report.get("uefi")
    processors = _parts(hardware.get("cpu"))
    features = {word for cpu in processors for word in _texts(cpu.get("features"))}
    system = _text(report, "system") or ""
    firmware = _firmware(uefi, is_pc=system.startswith("x86_64"))
    lacks = (*_LACKS, "its firmware: this report does not say it") if uefi is None else _LACKS
    return Facts(
        hostname="",
        system="",
        architecture=system.partition("-")[0],
        firmware=firmware,
        cpu_model=_cpu_model(processors, smbios),
        cpu_threads=sum(_number(cpu, "siblings") for cpu in processors) or None,
        virtualization=_virtualization(features),
        memory=_memory(hardware, smbios),
        product=_product(smbios),
        disks=tuple(sorted(_disks(hardware), key=lambda disk: (len(disk.name), disk.name))),
        nics=tuple(_nics(hardware)),
        missing=lacks,
        knows_contents=False,
    )


def _firmware(uefi: object, *, is_pc: bool) -> Firmware | None:
    if not isinstance(uefi, dict):
        return None
    if uefi.get("supported") is True:
        return "uefi"
    return "bios" if is_pc else None


def _virtualization(features: set[str]) -> Virtualization | None:
    if "vmx" in features:
        return "vmx"
    return "svm" if "svm" in features else None


def _cpu_model(processors: list[Part], smbios: Part) -> str | None:
    told = [_text(cpu, "model_name") for cpu in processors]
    told += [_text(cpu, "version") for cpu in _parts(smbios.get("processor"))]
    return next((model for model in told if model), None)


def _memory(hardware: Part, smbios: Part) -> int | None:
    """Give the memory of all modules, which are told in KiB; else what the kernel found, rounded up."""
    modules = sum(_number(module, "size") << 10 for module in _parts(smbios.get("memory_device")))
    resources = [one for memory in _parts(hardware.get("memory")) for one in _parts(memory.get("resources"))]
    found = [_number(one, "range") for one in resources if one.get("type") == "mem"]
    return modules or built_in(max(found, default=0) * 64 // 63) or None


def _product(smbios: Part) -> str | None:
    system = _part(smbios.get("system"))
    words = [_text(system, key) for key in ("manufacturer", "product")]
    return " ".join(word for word in words if word) or None


def _disks(hardware: Part) -> Iterator[Disk]:
    for device in _parts(hardware.get("disk")):
        path = _text(device, "unix_device_name") or ""
        size = next((size for one in _parts(device.get("resources")) if (size := _size(one))), 0)
        if not path.startswith("/dev/") or not size:
            continue
        links = _texts(device.get("unix_device_names"))
        is_usb = "usb" in _texts(device.get("class_list"))
        yield Disk(
            name=path.rpartition("/")[2],
            path=path,
            by_id=best_first(link.removeprefix(_BY_ID) for link in links if link.startswith(_BY_ID)),
            by_path=tuple(link for link in links if link.startswith(_BY_PATH)),
            size=size,
            model=_text(device, "model"),
            serial=_text(device, "serial"),
            wwn=None,
            rotational=None,
            transport="usb" if is_usb else _transport(path, links),
            removable=is_usb,
            read_only=False,
            filesystem=None,
            label=None,
            parts=(),
            uses=("the medium that the machine booted from",) if "/dev/root" in links else (),
        )


def _size(resource: Part) -> int:
    is_disk = resource.get("type") == "size" and resource.get("unit") == "sectors"
    return min(_number(resource, "value_1") * _number(resource, "value_2"), _MOST) if is_disk else 0


def _transport(path: str, links: list[str]) -> str | None:
    starts = {"/dev/nvme": "nvme", "/dev/vd": "virtio", "/dev/mmcblk": "mmc"}
    kind = next((kind for start, kind in starts.items() if path.startswith(start)), None)
    return kind or ("sata" if any(link.startswith(f"{_BY_ID}ata-") for link in links) else None)


def _nics(hardware: Part) -> Iterator[Nic]:
    for device in _parts(hardware.get("network_interface")):
        name, link = _text(device, "unix_device_name"), _text(device, "sysfs_device_link")
        if name is None or link is None:  # what is no card has no device
            continue
        kind = _text(_part(device.get("sub_class")), "name")
        yield Nic(
            name=name,
            mac=None,
            driver=_text(device, "driver"),
            speed=None,
            carrier=None,
            bus=_bus(link),
            altnames=tuple(other for other in _texts(device.get("unix_device_names")) if other != name),
            addresses=(),
            wireless=kind == "WLAN" or name.startswith("wl"),
        )


def _bus(link: str) -> str | None:
    end = link.rpartition("/")[2]
    kinds = {r"[0-9a-f]{4}:.*": "pci", r"virtio\d+": "virtio", r"\d+-[\d.]+(:.*)?": "usb"}
    return next((kind for shape, kind in kinds.items() if re.fullmatch(shape, end)), None)


def _part(value: object) -> Part:
    return value if isinstance(value, dict) else {}


def _parts(value: object) -> list[Part]:
    """Give the parts of a list; what there is one of may stand alone."""
    found = value if isinstance(value, list) else [value]
    return [part for part in found if isinstance(part, dict)]


def _texts(value: object) -> list[str]:
    return [_clean(text) for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _text(part: Part, key: str) -> str | None:
    value = part.get(key)
    return (_clean(value) or None) if isinstance(value, str) else None


def _clean(text: str) -> str:
    return " ".join(harmless(text).split())


def _number(part: Part, key: str) -> int:
    value = part.get(key)
    return min(value, _MOST) if isinstance(value, int) and value > 0 else 0
