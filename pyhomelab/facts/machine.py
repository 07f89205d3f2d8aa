"""What a machine is made of: processor, memory, firmware, disks and network cards, as it said itself.

Nothing here says what a machine should be: that is the inventory's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Firmware = Literal["uefi", "bios"]
Virtualization = Literal["vmx", "svm"]


@dataclass(frozen=True, slots=True)
class Part:
    """A partition of a disk, or what was made of one (a volume of LVM, an opened LUKS): what it holds and where.

    `name` is the kernel's, such as sda1; `mounts` has `[SWAP]` where it is active swap.
    """

    name: str
    size: int
    filesystem: str | None
    label: str | None
    mounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk as a whole.

    `by_id` has its names under /dev/disk/by-id as full paths, best first; `by_path` those under /dev/disk/by-path.
    `size` is in bytes. `filesystem` and `label` are of what lies on the bare disk, without a partition table.
    `uses` says why it is busy, a reason each; a disk without one is not in use at this moment, but may hold data.
    """

    name: str
    path: str
    by_id: tuple[str, ...]
    by_path: tuple[str, ...]
    size: int
    model: str | None
    serial: str | None
    wwn: str | None
    rotational: bool | None
    transport: str | None
    removable: bool
    read_only: bool
    filesystem: str | None
    label: str | None
    parts: tuple[Part, ...]
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nic:
    """A network card: `speed` is in Mbit/s, and None without a carrier; `bus` is what it hangs on, such as pci.

    `carrier` is None where nobody can tell, because the card is down. `addresses` have their prefix lengths.
    """

    name: str
    mac: str | None
    driver: str | None
    speed: int | None
    carrier: bool | None
    bus: str | None
    altnames: tuple[str, ...]
    addresses: tuple[str, ...]
    wireless: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What a machine is made of.

    `architecture` is as `uname -m` says; `firmware` is None where there is neither UEFI nor a BIOS, as on most ARM
    boards. `cpu_threads` and `memory` (bytes installed) are None where the machine did not say. `system` is what it
    runs, in words, such as `NixOS 26.05 (Yarara), installer`, and empty where nobody said it. `missing` names what the
    machine could not tell, and why. Where not `knows_contents`, a disk on which nothing seems to lie may be full.
    """

    hostname: str
    system: str
    architecture: str
    firmware: Firmware | None
    cpu_model: str | None
    cpu_threads: int | None
    virtualization: Virtualization | None
    memory: int | None
    product: str | None
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    missing: tuple[str, ...]
    knows_contents: bool = True
