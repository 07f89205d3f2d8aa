"""Whose data the disks of a machine hold, by what is written on them: labels of partitions and of pools."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.facts.machine import Disk
    from pyhomelab.installing.standing import Standing
    from pyhomelab.model import Inventory

_PARTS = ("esp", "grub", "boot", "swap", "zfs", "root")
_LONGEST = 36
"""Letters that GPT has room for in the label of a partition."""


def partition_label(machine: str, part: str) -> str:
    """Give the label that a partition of a machine's system disk has, as `homelab.systemDisk` makes it."""
    label = f"{machine}-{part}"
    return label if len(label) <= _LONGEST else f"{hashlib.sha256(label.encode()).hexdigest()[:24]}-{part}"


class Owners:
    """Whose data disks hold, by what is written on them."""

    def __init__(self, inventory: Inventory, machine: str, standing: Standing) -> None:
        self._machine = machine
        self._others = sorted({*inventory.hosts, *inventory.guests} - {machine})
        self._labels = {partition_label(name, part): name for name in (machine, *self._others) for part in _PARTS}
        self._part_labels = standing.part_labels
        self._pools = {label.device: label for label in standing.pools}

    def holdings(self, disk: Disk) -> tuple[str, ...]:
        """Say what a disk holds, each thing once."""
        found = [self._holding(disk.name, disk.filesystem, disk.label)]
        found += [self._holding(part.name, part.filesystem, part.label) for part in disk.parts]
        return tuple(dict.fromkeys([*self._systems(disk), *filter(None, found)]))

    def _systems(self, disk: Disk) -> list[str]:
        machines = dict.fromkeys(self._labels.get(self._part_labels.get(part.name, ""), "") for part in disk.parts)
        return [f"the system of {machine}" for machine in machines if machine]

    def _holding(self, device: str, filesystem: str | None, label: str | None) -> str:
        if filesystem == "zfs_member":
            pool = self._pools.get(device)
            owner = f" of {pool.owner}" if pool is not None and pool.owner else ""
            return f"ZFS pool {label or (pool.pool if pool is not None else '') or '?'}{owner}"
        return " ".join(filter(None, (filesystem, label))) if filesystem is not None else ""

    def strangers(self, name: str, disk: Disk) -> Iterator[str]:
        """Say of a disk, called `name`, what it holds that is not this machine's alone."""
        for part in disk.parts:
            owner = self._labels.get(self._part_labels.get(part.name, ""), "")
            if owner in self._others:
                yield f"{name} holds the system of {owner}: is it the right machine, and the right disk?"
        for device in (disk.name, *(part.name for part in disk.parts)):
            pool = self._pools.get(device)
            if pool is not None and pool.owner in self._others:
                yield (
                    f"{name} is part of the pool {pool.pool} of {pool.owner}: "
                    "if that has no more use for it, `zpool labelclear` says so"
                )
        kinds = {disk.filesystem, *(part.filesystem for part in disk.parts)}
        if "drbd" in kinds:
            yield f"{name} holds a replica of a DRBD volume: `wipefs` on the machine says that it may go"
