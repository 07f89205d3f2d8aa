"""Disks and the vdevs that they make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake
from pyhomelab.text.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Pool, SupportVdev, Vdev
    from pyhomelab.rules.scope import Path, Scope

ROOT_POOL = "rpool"
_LONGEST_LABEL = 36
_LEAST_DISKS = {
    "stripe": 1, "mirror": 2, "raidz1": 3, "raidz2": 4, "raidz3": 5, "draid1": 3, "draid2": 4, "draid3": 5,
}  # fmt: skip
_PARTITION = re.compile("-part[0-9]+$")
_VIRTUAL = re.compile("/virtio-|QEMU")  # names without a serial number: every such machine has the same


def disks_serve_one_purpose(scope: Scope) -> Iterator[Mistake]:
    """Refuse a disk in two places, of one host or of two, and partitions in place of disks."""
    first: dict[tuple[str, str], str] = {}
    for host, path, disk, use in _disks(scope):
        key = (host if _VIRTUAL.search(disk) else "", disk)
        if key in first:
            yield Mistake(path, f"is {first[key]}, too", "a disk serves one purpose: name another")
        first.setdefault(key, f"{use} of host {host}")
        if _PARTITION.search(disk):
            yield Mistake(path, "is a partition", f"give the whole disk: {_PARTITION.sub('', disk)}")


def _disks(scope: Scope) -> Iterator[tuple[str, Path, str, str]]:
    for name, host in scope.inventory.hosts.items():
        yield name, ("hosts", name, "boot", "disk"), host.boot.disk, "the system disk"
        for pool_name, pool in host.zfs.items():
            base: Path = ("hosts", name, "zfs", pool_name)
            for path, disks in _disk_lists(base, pool):
                for index, disk in enumerate(disks):
                    yield name, (*path, index), disk, f"a disk of pool {pool_name}"


def _disk_lists(base: Path, pool: Pool) -> Iterator[tuple[Path, tuple[str, ...]]]:
    yield (*base, "disks"), pool.disks
    for index, vdev in enumerate(pool.vdevs):
        yield (*base, "vdevs", index, "disks"), vdev.disks
    for path, support in _support_vdevs(base, pool):
        yield (*path, "disks"), support.disks
    yield (*base, "cache"), pool.cache
    yield (*base, "spares"), pool.spares


def pools_have_disks(scope: Scope) -> Iterator[Mistake]:
    """Refuse a pool without disks, a layout without disks, and disks without a layout."""
    for path, pool in _pools(scope):
        if pool.layout is not None and not pool.disks:
            reason = "is a layout without disks"
            yield Mistake((*path, "layout"), reason, "add `disks:`, or write layout and disks in `vdevs:`")
        elif pool.disks and pool.layout is None:
            yield Mistake((*path, "disks"), "have no layout", "add `layout:`, such as mirror", shows_value=False)
        elif not pool.data_vdevs:
            hint = "add `layout:` and `disks:`, or `vdevs:`"
            yield Mistake(path, "has no disks for data", hint, shows_value=False)


def vdevs_have_enough_disks(scope: Scope) -> Iterator[Mistake]:
    """Refuse vdevs with fewer disks than their layout needs."""
    for path, pool in _pools(scope):
        for vdev_path, vdev in _all_vdevs(path, pool):
            least = _LEAST_DISKS[vdev.layout]
            if len(vdev.disks) < least:
                yield Mistake(
                    (*vdev_path, "disks"),
                    f"are {counted(len(vdev.disks), 'disk')}, and a {vdev.layout} needs {least}",
                    "add disks, or choose another layout",
                    shows_value=False,
                )


def vdevs_of_a_pool_are_alike(scope: Scope) -> Iterator[Mistake]:
    """Refuse a pool whose vdevs stand different losses: the weakest decides for all."""
    for path, pool in _pools(scope):
        vdevs = list(_data_vdevs(path, pool))
        for vdev_path, vdev in vdevs[1:]:
            if _strength(vdev) != _strength(vdevs[0][1]):
                yield Mistake(
                    vdev_path,
                    f"is {_said(vdev)} beside {_said(vdevs[0][1])}",
                    "a pool stands no more losses than its weakest vdev: make them alike",
                    shows_value=False,
                )


def special_vdevs_are_redundant(scope: Scope) -> Iterator[Mistake]:
    """Refuse a special vdev that dies with one disk in a pool that would outlive it."""
    for path, pool in _pools(scope):
        if any(vdev.layout == "stripe" for vdev in pool.data_vdevs):
            continue
        for index, vdev in enumerate(pool.special):
            if vdev.layout == "stripe":
                yield Mistake(
                    (*path, "special", index, "layout"),
                    "takes the whole pool with it when a disk fails",
                    "give it two disks and `layout: mirror`",
                )


def pools_are_not_called_like_the_root_pool(scope: Scope) -> Iterator[Mistake]:
    """Refuse a data pool with the name of the pool that holds the system."""
    for path, _ in _pools(scope):
        host = scope.inventory.hosts[str(path[1])]
        if path[-1] == ROOT_POOL and host.boot.filesystem == "zfs":
            reason = "is the name of the pool on the system disk, which is ZFS here"
            yield Mistake(path, reason, "call the data pool something else, such as tank", shows_value=False)


def pools_have_short_names(scope: Scope) -> Iterator[Mistake]:
    """Refuse names of pools that leave no room for a disk's number in the label of its partition."""
    for path, pool in _pools(scope):
        over = max(len(label) for label in _labels(str(path[-1]), pool)) - _LONGEST_LABEL
        if over > 0:
            reason = "is too long: the labels of its disks' partitions begin with it, and GPT has room for 36 letters"
            hint = f"call the pool something with at most {len(str(path[-1])) - over} letters, such as tank"
            yield Mistake(path, reason, hint, shows_value=False)


def _labels(name: str, pool: Pool) -> Iterator[str]:
    """Give the labels that the partitions get, as nix/modules/zfs/layout.nix numbers them."""
    counts = {
        "": sum(len(vdev.disks) for vdev in pool.data_vdevs),
        "-special": sum(len(vdev.disks) for vdev in pool.special),
        "-log": sum(len(vdev.disks) for vdev in pool.log),
        "-cache": len(pool.cache),
        "-spare": len(pool.spares),
    }
    yield f"disk-{name}-0-zfs"
    for role, count in counts.items():
        if count:
            yield f"disk-{name}{role}-{count - 1}-zfs"


def _pools(scope: Scope) -> Iterator[tuple[Path, Pool]]:
    for name, host in scope.inventory.hosts.items():
        for pool_name, pool in host.zfs.items():
            yield ("hosts", name, "zfs", pool_name), pool


def _data_vdevs(path: Path, pool: Pool) -> Iterator[tuple[Path, Vdev]]:
    own = len(pool.data_vdevs) - len(pool.vdevs)
    for index, vdev in enumerate(pool.data_vdevs):
        yield path if index < own else (*path, "vdevs", index - own), vdev


def _all_vdevs(path: Path, pool: Pool) -> Iterator[tuple[Path, Vdev | SupportVdev]]:
    yield from _data_vdevs(path, pool)
    yield from _support_vdevs(path, pool)


def _support_vdevs(path: Path, pool: Pool) -> Iterator[tuple[Path, SupportVdev]]:
    for key, vdevs in (("special", pool.special), ("log", pool.log)):
        for index, vdev in enumerate(vdevs):
            yield (*path, key, index), vdev


def _strength(vdev: Vdev) -> tuple[str, int]:
    return vdev.layout, 0 if vdev.layout == "stripe" else len(vdev.disks)


def _said(vdev: Vdev) -> str:
    return f"a {vdev.layout} of {counted(len(vdev.disks), 'disk')}"
