"""DRBD volumes: block devices that two or three hosts hold in common."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pyhomelab.model.base import Between, Model, Name
from pyhomelab.model.units import Calendar, Size
from pyhomelab.model.zfs import PoolName


class Volume(Model):
    """A replicated block device; its shared secret is the secret `drbd-<volume>`."""

    size: Size = Field(
        title="Size", description="Size of each replica; it can grow later, never shrink.", examples=["200GiB"]
    )
    on: PoolName = Field(title="Pool", description="The pool that holds the replica on every host.")
    replicas: tuple[Name, ...] = Field(
        title="Replicas",
        description="Two or three hosts. The order is their identity: append, never reorder.",
        examples=[["dl1", "dl2"]],
    )
    witness: Name | None = Field(
        None, title="Witness", description="A host without a copy whose vote decides who may write.", examples=["dl3"]
    )
    network: Name = Field(
        title="Network", description="The network that carries the replication.", examples=["storage"]
    )
    protocol: Literal["A", "B", "C"] = Field(
        "C",
        title="Protocol",
        description="C answers a write when every replica has it; A and B may lose the last ones.",
    )
    quorum: Literal["majority", "off"] | None = Field(
        None,
        title="Quorum",
        description="majority needs three votes; two replicas alone must say `off`, and both sides of a cut may write.",
    )
    on_no_quorum: Literal["io-error", "suspend-io"] = Field(
        "suspend-io", title="On no quorum", description="What writers get on the side that lost the vote."
    )
    rate: Size | None = Field(
        None, title="Rate", description="Most that a resync may use, each second.", examples=["100MiB"]
    )
    verify: Calendar | None = Field(
        "monthly", title="Verify", description="When the replicas are compared, as systemd's calendar."
    )
    dual_primary: bool = Field(
        False, title="Dual primary", description="Both may write for a moment, as live migration needs."
    )
    minor: Annotated[int, Between(0, 999)] | None = Field(
        None,
        title="Minor",
        description="Number of the device and, above 17000, of the port; derived from the name if absent.",
        examples=[7],
    )
