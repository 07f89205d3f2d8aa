"""Virtual machines, each a NixOS machine of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pyhomelab.model.base import AbsolutePath, Between, Called, Mac, Matching, Model, Name
from pyhomelab.model.check import DeclaredCheck
from pyhomelab.model.host import CpuModel, KernelSeries, PciAddress
from pyhomelab.model.lab import Tags
from pyhomelab.model.network import LinkAddress
from pyhomelab.model.ssh import Ssh
from pyhomelab.model.units import Size
from pyhomelab.model.zfs import PoolName

ANYWHERE = "anywhere"
DiskName = Annotated[
    str,
    Matching(
        "[a-z][a-z0-9-]{0,18}",
        "is not the name of a guest's disk",
        "use at most 19 lower-case letters, digits and hyphens",
    ),
    Called("name of a disk", "root"),
]


class GuestDisk(Model):
    """A disk of a guest: a zvol (`size` and `on`), an image file (`size` and `file`), or a DRBD volume (`volume`)."""

    size: Size | None = Field(
        None,
        title="Size",
        description="Size of the zvol or image file; it can grow later, never shrink.",
        examples=["60GiB"],
    )
    on: PoolName | None = Field(None, title="Pool", description="The host's pool in which the zvol is made.")
    file: AbsolutePath | None = Field(
        None, title="File", description="Image file on the host (.qcow2 or .raw).", examples=["/srv/images/web.qcow2"]
    )
    volume: Name | None = Field(None, title="Volume", description="The DRBD volume, whole.", examples=["vmstore"])


class GuestLink(Model):
    """A guest's network card on a network."""

    address: LinkAddress | None = Field(None, title="Address", description="The guest's address, or `dhcp`.")
    mac: Mac | None = Field(
        None, title="MAC", description="Address of the card itself; derived from lab and guest if absent."
    )
    default_route: bool = Field(True, title="Default route", description="Use the network's gateway, if it has one.")


class Guest(Model):
    """A virtual machine."""

    on: Name = Field(title="Host", description="The host that runs it, or `anywhere` if its disks are DRBD volumes.")
    tags: Tags = Field((), title="Tags", description="Words to select machines by.", examples=[["k8s"]])
    cpus: Annotated[int, Between(1, 1024)] = Field(title="CPUs", description="Virtual CPUs.", examples=[4])
    memory: Size = Field(title="Memory", description="Memory that its host promises it.", examples=["8GiB"])
    disk: GuestDisk | None = Field(None, title="Disk", description="The one disk, called root.")
    disks: dict[DiskName, GuestDisk] = Field(
        {}, title="Disks", description="Several disks by name; the first holds the system."
    )
    links: dict[Name, GuestLink] = Field(title="Links", description="Network cards by network.", min_length=1)
    filesystem: Literal["ext4", "zfs"] = Field("ext4", title="Filesystem", description="Filesystem of the system disk.")
    swap: Size | None = Field(None, title="Swap", description="A swap partition of this size.", examples=["2GiB"])
    kernel: KernelSeries | None = Field(
        None, title="Kernel series", description="A long-term series of the kernel instead of the default of NixOS."
    )
    firmware: Literal["bios", "uefi"] = Field(
        "uefi", title="Firmware", description="How the guest starts: UEFI, or the BIOS of old."
    )
    autostart: bool = Field(True, title="Autostart", description="Start with its host.")
    cpu_model: CpuModel | None = Field(
        None, title="CPU model", description="What it sees of the processor, instead of its host's `kvm.cpu_model`."
    )
    hugepages: bool = Field(False, title="Huge pages", description="Take its memory from the host's huge pages.")
    pci: tuple[PciAddress, ...] = Field(
        (), title="PCI devices", description="Devices of the host that it gets, by address."
    )
    anti_affinity: tuple[Name, ...] = Field(
        (),
        title="Anti-affinity",
        description="Names of groups; two guests of one group never share a host.",
        examples=[["k8s-servers"]],
    )
    checks: dict[Name, DeclaredCheck] = Field(
        {}, title="Checks", description="Health checks of your own by name, beside what its roles are asked."
    )
    ssh: Ssh = Field(Ssh(), title="SSH", description="How the guest is reached, where its links do not say it.")

    @property
    def all_disks(self) -> dict[str, GuestDisk]:
        """The guest's disks by name, however they were written."""
        return {"root": self.disk, **self.disks} if self.disk is not None else dict(self.disks)
