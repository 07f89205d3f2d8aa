"""Pools that are whole, and datasets that are where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.checks.check import NOT_JUDGED, Check, script
from pyhomelab.rules.storage import ROOT_POOL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.decide.overview import Overview

_PATIENCE = 10
_LOADED = f"""
    [ -e /sys/module/zfs ] || {{ echo "the running kernel has no ZFS: reboot"; exit {NOT_JUDGED}; }}
"""
_IS_ONLINE = """
    health=$(zpool list -H -o health "$POOL") || exit 1
    [ "$health" = ONLINE ] || { echo "$POOL is $health"; exit 1; }
"""
_IS_MOUNTED = """
    mounted=$(zfs get -H -o value mounted "$DATASET") || exit 1
    [ "$mounted" = yes ] || { echo "$DATASET is not mounted"; exit 1; }
"""


def zfs_checks(overview: Overview, machine: str) -> Iterator[Check]:
    """Ask for every pool of a machine, the system's own among them, and for the datasets that are mounted."""
    host = overview.inventory.hosts.get(machine)
    filesystem = host.boot.filesystem if host is not None else overview.inventory.guests[machine].filesystem
    if filesystem == "zfs":
        yield _pool(machine, ROOT_POOL)
    for name, pool in host.zfs.items() if host is not None else ():
        yield _pool(machine, name)
        for dataset, settings in pool.datasets.items():
            if settings.mountpoint is not None and settings.properties.get("canmount", "on") == "on":
                yield _dataset(machine, f"{name}/{dataset}", settings.mountpoint)


def _pool(machine: str, pool: str) -> Check:
    return Check(
        f"pool {pool} is ONLINE",
        "zfs",
        script(_LOADED + _IS_ONLINE, needs=("zpool",), POOL=pool),
        _PATIENCE,
        f"on {machine}, `zpool status -v {pool}` names the disk, `zpool replace {pool} OLD NEW` gives it another",
    )


def _dataset(machine: str, dataset: str, mountpoint: str) -> Check:
    return Check(
        f"dataset {dataset} is mounted at {mountpoint}",
        "zfs",
        script(_LOADED + _IS_MOUNTED, needs=("zfs",), DATASET=dataset),
        _PATIENCE,
        f"on {machine}, `zfs mount {dataset}` says what is in the way; `zfs load-key` first, if it is encrypted",
    )
