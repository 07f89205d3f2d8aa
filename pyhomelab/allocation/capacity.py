"""What a host has to give, and what is promised of it: memory, processors, and the space of its pools."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pyhomelab.allocation.identity import guest_zvol, volume_zvol
from pyhomelab.model.units import GiB, MiB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyhomelab.model import Guest, Host, Inventory, Overcommit, Pool, Vdev

_LEAST_ARC = 256 * MiB
_MOST_ARC = 16 * GiB
_ESP = GiB
_DRAID_DATA = 8  # data disks of a draid group, unless there are fewer


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a host, in bytes."""

    total: int
    reserved: int
    arc: int
    hugepages: int
    guests: int
    hugepage_guests: int
    ratio: float

    @property
    def room(self) -> int:
        """What guests without huge pages can really have; below zero if the host cannot even serve itself."""
        return self.total - self.reserved - self.arc - self.hugepages

    @property
    def is_over(self) -> bool:
        """Whether more is promised than the ratio allows."""
        return self.room < 0 or self.guests > self.room * self.ratio


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processors of a host."""

    threads: int
    promised: int
    ratio: float

    @property
    def is_over(self) -> bool:
        """Whether more is promised than the ratio allows."""
        return self.promised > self.threads * self.ratio


@dataclass(frozen=True, slots=True)
class Space:
    """Space of a pool or of the system disk in bytes; `usable` is None where the disks' size is unknown."""

    usable: int | None
    zvols: int
    volumes: int
    files: int
    reserved: int
    ratio: float

    @property
    def promised(self) -> int:
        """The sum of all that is promised."""
        return self.zvols + self.volumes + self.files + self.reserved

    @property
    def is_over(self) -> bool:
        """Whether more is promised than the ratio allows; never, where the size is not known."""
        return self.usable is not None and self.promised > self.usable * self.ratio


@dataclass(frozen=True, slots=True)
class HostCapacity:
    """What a host has and what is promised of it."""

    memory: Memory
    cpu: Cpu
    pools: dict[str, Space]
    boot: Space


def capacity(inventory: Inventory, placement: dict[str, str]) -> dict[str, HostCapacity]:
    """Count what every host has, and what guests (on the hosts of `placement`) and volumes are promised."""
    guests: dict[str, dict[str, Guest]] = defaultdict(dict)
    for name, host_name in placement.items():
        guests[host_name][name] = inventory.guests[name]
    volumes: dict[str, list[str]] = defaultdict(list)
    for name, volume in inventory.volumes.items():
        for host_name in volume.replicas:
            volumes[host_name].append(name)
    return {
        name: _host_capacity(inventory, host, guests.get(name, {}), volumes.get(name, []))
        for name, host in inventory.hosts.items()
    }


def arc_max(host: Host) -> int:
    """Give the limit of a host's ZFS cache: as stated, else an eighth of its memory; 0 without ZFS."""
    if not host.zfs and host.boot.filesystem != "zfs":
        return 0
    if host.zfs_arc_max is not None:
        return host.zfs_arc_max
    return max(_LEAST_ARC, min(host.memory // 8 // MiB * MiB, _MOST_ARC))


def ratios(inventory: Inventory, host: Host) -> Overcommit:
    """Give the ratios of a host: each that it states itself, else the lab's."""
    own = host.overcommit
    if own is None:
        return inventory.lab.overcommit
    stated = {key: getattr(own, key) for key in own.model_fields_set}
    return inventory.lab.overcommit.model_copy(update=stated)


def memory_to_promise(inventory: Inventory, host: Host) -> tuple[int, int]:
    """Give how much memory a host may promise to guests: without huge pages, and from its huge pages."""
    memory = _memory(inventory, host, ())
    return int(memory.room * memory.ratio), memory.hugepages


def usable_space(pool: Pool) -> int | None:
    """Give what a pool can hold, less the 1/32 that ZFS keeps; None if its disks' size is unknown."""
    if pool.disk_size is None:
        return None
    return sum(_data_share(vdev, pool.disk_size) for vdev in pool.data_vdevs) * 31 // 32


def _host_capacity(inventory: Inventory, host: Host, guests: dict[str, Guest], volumes: list[str]) -> HostCapacity:
    ratio = ratios(inventory, host)
    promises = list(_promises(inventory, host, guests, volumes))
    pools = {
        name: _space(usable_space(pool), [p for p in promises if p.pool == name], ratio.disk)
        for name, pool in host.zfs.items()
    }
    return HostCapacity(
        _memory(inventory, host, guests.values()),
        Cpu(host.cpu_threads, sum(guest.cpus for guest in guests.values()), ratio.cpu),
        pools,
        _space(_boot_space(host), [p for p in promises if p.pool is None], ratio.disk),
    )


def _memory(inventory: Inventory, host: Host, guests: Iterable[Guest]) -> Memory:
    sums = {False: 0, True: 0}
    for guest in guests:
        sums[guest.hugepages] += guest.memory
    hugepages = host.kvm.hugepages.total if host.kvm is not None and host.kvm.hugepages is not None else 0
    ratio = ratios(inventory, host).memory
    return Memory(host.memory, host.reserved_memory, arc_max(host), hugepages, sums[False], sums[True], ratio)


def _data_share(vdev: Vdev, disk_size: int) -> int:
    count = len(vdev.disks)
    if vdev.layout == "stripe":
        return count * disk_size
    if vdev.layout == "mirror":
        return disk_size
    parity = int(vdev.layout[-1])
    data = max(count - parity, 0)
    if vdev.layout.startswith("draid") and data > _DRAID_DATA:
        return count * disk_size * _DRAID_DATA // (_DRAID_DATA + parity)
    return data * disk_size


def _boot_space(host: Host) -> int | None:
    size = host.boot.disk_size
    if size is None:
        return None
    left = max(size - (host.boot.swap or 0) - _ESP, 0)
    return left * 31 // 32 if host.boot.filesystem == "zfs" else left


class _Promise(NamedTuple):
    """Space promised below a path of a pool, or on the system disk (`pool` is None)."""

    pool: str | None
    path: tuple[str, ...]
    kind: str
    size: int


def _promises(inventory: Inventory, host: Host, guests: dict[str, Guest], volumes: list[str]) -> Iterator[_Promise]:
    mounted = _mounted(host)
    for name, guest in guests.items():
        for disk_name, disk in guest.all_disks.items():
            if disk.size is not None and disk.on is not None:
                yield _Promise(disk.on, tuple(guest_zvol(name, disk_name).split("/")), "zvols", disk.size)
            elif disk.size is not None and disk.file is not None:
                pool, below = _holder(mounted, disk.file)
                yield _Promise(pool, (*below, f"{name}\0{disk_name}"), "files", disk.size)
    for name in volumes:
        volume = inventory.volumes[name]
        yield _Promise(volume.on, tuple(volume_zvol(name).split("/")), "volumes", volume.size)
    for pool, dataset_path, reservation in _reservations(host):
        yield _Promise(pool, dataset_path, "reserved", reservation)


def _reservations(host: Host) -> Iterator[tuple[str, tuple[str, ...], int]]:
    for pool_name, pool in host.zfs.items():
        for path, dataset in pool.datasets.items():
            if dataset.reservation is not None:
                yield pool_name, tuple(path.split("/")), dataset.reservation


def _mounted(host: Host) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {
        dataset.mountpoint.rstrip("/"): (pool_name, tuple(path.split("/")))
        for pool_name, pool in host.zfs.items()
        for path, dataset in pool.datasets.items()
        if dataset.mountpoint is not None
    }


def _holder(mounted: dict[str, tuple[str, tuple[str, ...]]], file: str) -> tuple[str | None, tuple[str, ...]]:
    """Give the pool and dataset in whose mount point a file lies, or nothing if that is the system disk."""
    directory = file
    while mounted and directory:
        directory = directory.rpartition("/")[0]
        if directory in mounted:
            return mounted[directory]
    return None, ()


def _space(usable: int | None, promises: list[_Promise], ratio: float) -> Space:
    sums = {"zvols": 0, "volumes": 0, "files": 0}
    for promise in promises:
        if promise.kind in sums:
            sums[promise.kind] += promise.size
    return Space(usable, **sums, reserved=_taken(promises) - sum(sums.values()), ratio=ratio)


def _taken(promises: list[_Promise]) -> int:
    """Sum what is promised; a dataset's reservation counts what lies below it, as ZFS does."""
    reserved: dict[tuple[str, ...], int] = {p.path: p.size for p in promises if p.kind == "reserved"}
    taken: dict[tuple[str, ...], int] = defaultdict(int)
    for promise in promises:
        if promise.kind != "reserved":
            taken[promise.path] += promise.size
    paths = {path[:length] for path in (*reserved, *taken) for length in range(1, len(path) + 1)}
    for path in sorted(paths, key=len, reverse=True):
        taken[path] = max(taken[path], reserved.get(path, 0))
        taken[path[:-1]] += taken[path]
    return taken[()]
