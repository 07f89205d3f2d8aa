"""ZFS pools: vdevs, datasets, snapshots and replication, in ZFS's own words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from pyhomelab.model.base import AbsolutePath, Between, Called, DiskPath, Matching, Model, Name, Text, refuse
from pyhomelab.model.units import Calendar, Size

Layout = Literal["stripe", "mirror", "raidz1", "raidz2", "raidz3", "draid1", "draid2", "draid3"]
LogLayout = Literal["stripe", "mirror"]
Kept = Annotated[int, Between(0, 10_000)]

PoolName = Annotated[
    str,
    Matching(
        r"(?!(?:mirror|raidz|draid|spare|log)|c[0-9])[A-Za-z][A-Za-z0-9_.-]{0,62}",
        "is not a pool name",
        "begin with a letter; mirror, raidz, draid, spare, log and c0 … c9 are words of ZFS itself",
    ),
    Called("name of a pool", "tank"),
]
DatasetName = Annotated[
    str,
    Matching(
        "[A-Za-z0-9][A-Za-z0-9_.:-]*(?:/[A-Za-z0-9][A-Za-z0-9_.:-]*)*",
        "is not the name of a dataset",
        "write it below the pool, such as vms or backup/dl1",
    ),
    Called("name of a dataset below the pool", "vms"),
]
Property = Annotated[
    str,
    Matching("[a-z0-9_.:-]{1,120}", "is not a ZFS property", "zfsprops(7) lists them; own ones look like lab:owner"),
    Called("ZFS property", "recordsize"),
]


def _mountpoint(value: object) -> str | None:
    if value is None or value == "none":
        return None
    if isinstance(value, str) and value.startswith("/"):
        return value if value == "/" else value.removesuffix("/")
    return refuse("is not a mount point", "write an absolute path, or none")


Mountpoint = Annotated[
    AbsolutePath | None,
    BeforeValidator(_mountpoint),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^/"}, {"const": "none"}, {"type": "null"}]}),
    Called("absolute path or `none`", "/srv/data"),
]


class Vdev(Model):
    """Disks that stand for one another as the layout says."""

    layout: Layout = Field(title="Layout", description="How the disks stand for one another.")
    disks: tuple[DiskPath, ...] = Field(
        title="Disks", description="The disks, by their names under /dev/disk/by-id.", min_length=1
    )


class SupportVdev(Model):
    """A special or log vdev."""

    layout: LogLayout = Field("mirror", title="Layout", description="mirror, or stripe where a loss is accepted.")
    disks: tuple[DiskPath, ...] = Field(
        title="Disks", description="The disks, by their names under /dev/disk/by-id.", min_length=1
    )


class Snapshots(Model):
    """How many snapshots of each age are kept (by sanoid)."""

    hourly: Kept = Field(24, title="Hourly", description="Hourly snapshots kept.", examples=[48])
    daily: Kept = Field(7, title="Daily", description="Daily snapshots kept.", examples=[14])
    weekly: Kept = Field(4, title="Weekly", description="Weekly snapshots kept.", examples=[8])
    monthly: Kept = Field(3, title="Monthly", description="Monthly snapshots kept.", examples=[12])
    yearly: Kept = Field(0, title="Yearly", description="Yearly snapshots kept.", examples=[1])


class Replication(Model):
    """Sending a dataset's snapshots to another host (by syncoid)."""

    host: Name = Field(title="Host", description="The host that receives.", examples=["dl2"])
    pool: PoolName = Field(title="Pool", description="The receiving pool.", examples=["backup"])
    dataset: DatasetName | None = Field(
        None,
        title="Dataset",
        description="Below the receiving pool; by default `replica/<this host>/<dataset>`.",
        examples=["replica/dl1/vms"],
    )
    network: Name | None = Field(
        None, title="Network", description="Send over this network of both hosts.", examples=["storage"]
    )
    every: Calendar = Field(
        "hourly", title="Every", description="When to send, as systemd's calendar.", examples=["hourly"]
    )


class Dataset(Model):
    """A filesystem of a pool."""

    mountpoint: Mountpoint = Field(
        None, title="Mount point", description="Where it is mounted: an absolute path, or none."
    )
    properties: dict[Property, Text] = Field(
        {}, title="Properties", description="ZFS properties of the dataset.", examples=[{"recordsize": "1M"}]
    )
    quota: Size | None = Field(None, title="Quota", description="Most that it may hold.", examples=["500GiB"])
    reservation: Size | None = Field(
        None, title="Reservation", description="Space kept free for it.", examples=["50GiB"]
    )
    snapshots: Snapshots | None = Field(None, title="Snapshots", description="Which snapshots are made and kept.")
    replicate: Replication | None = Field(None, title="Replicate", description="Send its snapshots to another host.")


class Pool(Model):
    """A ZFS data pool of a host."""

    layout: Layout | None = Field(None, title="Layout", description="Layout of the one vdev that `disks` makes.")
    disks: tuple[DiskPath, ...] = Field((), title="Disks", description="Disks of the one vdev.")
    vdevs: tuple[Vdev, ...] = Field((), title="Vdevs", description="Several vdevs, instead of layout and disks.")
    special: tuple[SupportVdev, ...] = Field((), title="Special", description="Vdevs for metadata and small blocks.")
    log: tuple[SupportVdev, ...] = Field((), title="Log", description="Vdevs for synchronous writes (SLOG).")
    cache: tuple[DiskPath, ...] = Field((), title="Cache", description="Disks for the second-level read cache (L2ARC).")
    spares: tuple[DiskPath, ...] = Field((), title="Spares", description="Hot spares.")
    disk_size: Size | None = Field(
        None,
        title="Disk size",
        description="Size of the smallest data disk; with it `check` counts the pool's space.",
        examples=["4TiB"],
    )
    ashift: Annotated[int, Between(9, 16)] = Field(
        12,
        title="Sector size",
        description="As a power of two: 12 is 4 KiB, right for nearly every disk.",
        examples=[13],
    )
    properties: dict[Property, Text] = Field(
        {},
        title="Properties",
        description="ZFS properties of the pool's root dataset, which its datasets inherit.",
        examples=[{"compression": "zstd"}],
    )
    encrypted: bool = Field(
        False, title="Encrypted", description="Native encryption; the key is the secret `zfs-<host>-<pool>`."
    )
    datasets: dict[DatasetName, Dataset] = Field({}, title="Datasets", description="Filesystems of the pool.")

    @property
    def data_vdevs(self) -> tuple[Vdev, ...]:
        """The vdevs that hold data, however they were written."""
        if self.layout is not None and self.disks:
            return (Vdev.model_construct(layout=self.layout, disks=self.disks), *self.vdevs)
        return self.vdevs
