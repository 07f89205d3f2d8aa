"""Machines as they would be seen before they are installed, for tests of what is decided about them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyhomelab.facts.machine import Disk, Facts, Nic, Part
from pyhomelab.installing.meant import Seen
from pyhomelab.installing.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable

GIB = 1 << 30
BY_ID = "/dev/disk/by-id/"


def part(name: str, filesystem: str | None = "ext4", label: str | None = None, *mounts: str) -> Part:
    """A partition."""
    return Part(name, GIB, filesystem, label, mounts)


def disk(name: str, *by_id: str, **changes: Any) -> Disk:
    """A blank disk of 120 GiB under its lasting names."""
    blank = Disk(
        name=name,
        path=f"/dev/{name}",
        by_id=tuple(f"{BY_ID}{one}" for one in by_id),
        by_path=(),
        size=120 * GIB,
        model="INTEL SSDSC2BB120G4",
        serial=f"SERIAL-{name}",
        wwn=None,
        rotational=False,
        transport="sata",
        removable=False,
        read_only=False,
        filesystem=None,
        label=None,
        parts=(),
        uses=(),
    )
    return replace(blank, **changes)


def nic(name: str, mac: str | None = None, *altnames: str) -> Nic:
    """A network card."""
    return Nic(
        name,
        mac,
        driver="igb",
        speed=1000,
        carrier=True,
        bus="pci",
        altnames=altnames,
        addresses=(),
        wireless=False,
    )


def seen(disks: Iterable[Disk], facts: dict[str, Any] | None = None, **standing: Any) -> Seen:
    """The machine dl1 of the tests' inventory, with these disks, started from an installer."""
    made_of = Facts(
        hostname="nixos",
        system="NixOS 26.05, installer",
        architecture="x86_64",
        firmware="bios",
        cpu_model=None,
        cpu_threads=16,
        virtualization="vmx",
        memory=36 * GIB,
        product=None,
        disks=tuple(disks),
        nics=(nic("eno1"), nic("enp3s0", None, "eno2")),
        missing=(),
    )
    runs = Standing(
        hostname="nixos",
        boot_id="b1",
        runs="NixOS 26.05",
        is_nixos=True,
        is_installer=True,
        system=None,
        part_labels={},
        pools=(),
    )
    return Seen(replace(made_of, **(facts or {})), replace(runs, **standing))
