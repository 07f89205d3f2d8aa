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
# It lists what is wrong with a pool that still is ONLINE: errors in files, disks that lost writes.
_IS_HEALTHY = """
    said=$(zpool status -x "$POOL") || { echo "$said" && exit 1; }
    [ "$said" != "pool '$POOL' is healthy" ] || exit 0
    printf '%s\\n' "$said" | sed -n 's/^ *status: *//p; s/^ *errors: *//p'
    exit 1
"""
# Of a scrub and a resilver, ZFS remembers the later one.
_WAS_SCRUBBED = """
    status=$(zpool status "$POOL") || exit 1
    scan=$(printf '%s\\n' "$status" | sed -n 's/^ *scan: *//p')
    case $scan in
    *" in progress since "*) exit 0 ;;
    *" with "*" errors on "*)
        errors=${scan##* with }
        errors=${errors%% errors on *}
        [ "$errors" = 0 ] || { echo "it found errors: $scan"; exit 1; }
        since=$(date -d "${scan##* errors on }" +%s) || exit 1
        ;;
    "" | "none requested")
        scan="it never was"
        since=$(zfs get -H -p -o value creation "$POOL") || exit 1
        ;;
    *) echo "the last one came to no end: $scan" && exit 1 ;;
    esac
    [ $(($(date +%s) - since)) -le $((DAYS * 86400)) ] || { echo "$scan"; exit 1; }
"""
_HAS_ROOM = """
    used=$(zpool list -H -p -o capacity "$POOL") || exit 1
    [ "${used%\\%}" -lt "$MOST" ] || { echo "${used%\\%} % of $POOL is used"; exit 1; }
"""
_MOST_DAYS = 40  # a scrub is monthly, and takes its time
_MOST_USED = 90  # percent; from there on, ZFS looks long for free blocks


def zfs_checks(overview: Overview, machine: str) -> Iterator[Check]:
    """Ask for every pool of a machine, the system's own among them, and for the datasets that are mounted."""
    host = overview.inventory.hosts.get(machine)
    filesystem = host.boot.filesystem if host is not None else overview.inventory.guests[machine].filesystem
    if filesystem == "zfs":
        yield _pool(machine, ROOT_POOL)
        yield from _deep(machine, ROOT_POOL)
    for name, pool in host.zfs.items() if host is not None else ():
        yield _pool(machine, name)
        for dataset, settings in pool.datasets.items():
            if settings.mountpoint is not None and settings.properties.get("canmount", "on") == "on":
                yield _dataset(machine, f"{name}/{dataset}", settings.mountpoint)
        yield from _deep(machine, name)


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


def _deep(machine: str, pool: str) -> Iterator[Check]:
    see = f"on {machine}, `zpool status -v {pool}` names files and disks"
    mend = f"{see}, `zpool clear {pool}` forgets what is mended"
    yield _over_time(f"pool {pool} has no errors", pool, _IS_HEALTHY, mend)
    scrubbed = f"pool {pool} was read in full in the last {_MOST_DAYS} days, without errors"
    yield _over_time(scrubbed, pool, _WAS_SCRUBBED, f"{see}; `zpool scrub {pool}` reads it now", DAYS=str(_MOST_DAYS))
    mend = f"on {machine}, `zfs list -r -o space {pool}` says what takes it, snapshots among them"
    yield _over_time(f"pool {pool} is filled to less than {_MOST_USED} %", pool, _HAS_ROOM, mend, MOST=str(_MOST_USED))


def _over_time(name: str, pool: str, text: str, mend: str, **values: str) -> Check:
    asked = script(_LOADED + text, needs=("zpool",), POOL=pool, **values)
    return Check(name, "zfs", asked, _PATIENCE, mend, deep=True)
