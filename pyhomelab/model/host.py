"""A machine of bare metal: processor, memory, boot disk, links, pools and what it runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pyhomelab.model.base import Between, Called, DiskPath, InterfaceName, Matching, Model, Name
from pyhomelab.model.check import DeclaredCheck
from pyhomelab.model.lab import Overcommit, Tags
from pyhomelab.model.network import Link
from pyhomelab.model.ssh import Ssh
from pyhomelab.model.units import Calendar, GiB, Size
from pyhomelab.model.zfs import Pool, PoolName

System = Literal["x86_64-linux", "aarch64-linux"]
HostId = Annotated[
    str,
    Matching("[0-9a-f]{8}", "is not a host id", 'write eight hexadecimal digits in quotes, such as "8425e349"'),
    Called("eight hexadecimal digits", "8425e349"),
]
KernelSeries = Annotated[
    str,
    Matching(r"[0-9]\.[0-9]{1,2}", "is not a kernel series", 'write it in quotes, such as "6.12"'),
    Called("kernel series", "6.12"),
]
PciAddress = Annotated[
    str,
    Matching(
        "[0-9a-f]{4}:[0-9a-f]{2}:[0-1][0-9a-f]\\.[0-7]",
        "is not a PCI address",
        "`lspci -D` shows them, such as 0000:03:00.0",
    ),
    Called("PCI address", "0000:03:00.0"),
]
PciId = Annotated[
    str,
    Matching(
        "[0-9a-f]{4}:[0-9a-f]{4}",
        "is not a PCI vendor and device id",
        "`lspci -nn` shows them, such as 10de:1eb8",
    ),
    Called("vendor and device id", "10de:1eb8"),
]

CpuModel = Annotated[
    str,
    Matching(
        "[A-Za-z0-9._-]{1,40}",
        "is not a CPU model",
        "write host-passthrough, host-model, or one that `virsh cpu-models x86_64` lists",
    ),
    Called("CPU model", "host-model"),
]


class Boot(Model):
    """How a machine starts, and its system disk."""

    firmware: Literal["bios", "uefi"] = Field(
        "uefi", title="Firmware", description="How the machine starts: UEFI, or the BIOS of old."
    )
    disk: DiskPath = Field(title="System disk", description="The disk that holds NixOS; installing erases it.")
    filesystem: Literal["ext4", "zfs"] = Field("ext4", title="Filesystem", description="Filesystem of the system disk.")
    swap: Size | None = Field(
        None, title="Swap", description="A swap partition of this size on the system disk.", examples=["8GiB"]
    )
    disk_size: Size | None = Field(
        None,
        title="Disk size",
        description="Size of the system disk; with it `check` counts image files on it.",
        examples=["250GiB"],
    )


class Hugepages(Model):
    """Memory set aside in large pages for guests."""

    size: Literal["2MiB", "1GiB"] = Field("1GiB", title="Page size", description="1GiB needs a processor with pdpe1gb.")
    total: Size = Field(title="Total", description="Memory set aside; nothing else can use it.", examples=["16GiB"])


class Kvm(Model):
    """The host runs virtual machines."""

    cpu: Literal["intel", "amd"] | None = Field(
        None, title="CPU vendor", description="Needed for nested virtualisation and pass-through."
    )
    nested: bool = Field(False, title="Nested", description="Guests may run virtual machines of their own.")
    iommu: bool = Field(False, title="IOMMU", description="Switch on what PCI pass-through needs of the processor.")
    vfio: tuple[PciId, ...] = Field(
        (),
        title="VFIO",
        description="Devices kept from the host's drivers from boot on, by vendor and device id.",
    )
    hugepages: Hugepages | None = Field(None, title="Huge pages", description="Memory set aside for guests.")
    cpu_model: CpuModel = Field(
        "host-passthrough",
        title="CPU model",
        description="What guests see; host-model or a named one where guests migrate between unlike hosts.",
    )


class Host(Model):
    """A machine of bare metal."""

    system: System = Field("x86_64-linux", title="System", description="Architecture, in Nix's words.")
    tags: Tags = Field(
        (), title="Tags", description="Words to select machines by, such as `--on @rack`.", examples=[["rack"]]
    )
    cpu_threads: Annotated[int, Between(1, 4096)] = Field(
        title="CPU threads", description="Hardware threads, as `nproc` counts.", examples=[16]
    )
    memory: Size = Field(title="Memory", description="Installed memory.")
    reserved_memory: Size = Field(
        GiB,
        title="Reserved memory",
        description="Kept for the host itself when guests are counted.",
        examples=["2GiB"],
        json_schema_extra={"default": "1GiB"},
    )
    host_id: HostId | None = Field(
        None,
        title="Host id",
        description="Eight hexadecimal digits that ZFS needs; derived from lab and name if absent.",
    )
    kernel: KernelSeries | None = Field(
        None,
        title="Kernel series",
        description="A long-term series instead of the default of NixOS (or of DRBD: 6.12).",
    )
    boot: Boot = Field(title="Boot", description="How the machine starts, and its system disk.")
    links: dict[InterfaceName, Link] = Field(title="Links", description="Network cards by name.", min_length=1)
    zfs: dict[PoolName, Pool] = Field({}, title="ZFS pools", description="Data pools by name.")
    zfs_arc_max: Size | None = Field(
        None,
        title="ZFS cache limit",
        description="Largest ARC; by default an eighth of the memory, at most 16GiB.",
        examples=["4GiB"],
    )
    zfs_scrub: Calendar | None = Field(
        "monthly", title="ZFS scrub", description="When all pools are read and verified."
    )
    zfs_trim: Calendar | None = Field("weekly", title="ZFS trim", description="When SSDs in pools hear what is free.")
    kvm: Kvm | None = Field(None, title="KVM", description="Present (even as `{}`) if the host runs guests.")
    overcommit: Overcommit | None = Field(
        None, title="Over-commitment", description="Ratios of this host, instead of the lab's."
    )
    checks: dict[Name, DeclaredCheck] = Field(
        {}, title="Checks", description="Health checks of your own by name, beside what its roles are asked."
    )
    ssh: Ssh = Field(Ssh(), title="SSH", description="How the machine is reached, where its links do not say it.")
