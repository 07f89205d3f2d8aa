"""Hosts that promise more than they have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyhomelab.allocation.capacity import capacity
from pyhomelab.errors import Mistake
from pyhomelab.model.units import MiB, TiB
from pyhomelab.text.wording import counted, in_units, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.allocation.capacity import Cpu, HostCapacity, Memory, Space
    from pyhomelab.rules.scope import Path, Scope

_LEAST_ARC = 64 * MiB
_MOST_ARC = 16 * TiB


def hosts_promise_what_they_have(scope: Scope) -> Iterator[Mistake]:
    """Refuse memory, processors and space that are promised more often than the lab allows."""
    if not scope.is_whole("lab"):  # it holds the ratios
        return
    for name, has in capacity(scope.inventory, scope.placement).items():
        yield from _of_host(("hosts", name), has)


def _of_host(path: Path, has: HostCapacity) -> Iterator[Mistake]:
    if has.memory.is_over:
        yield _memory((*path, "memory"), has.memory)
    if has.memory.hugepage_guests > has.memory.hugepages > 0:
        reason = f"is too little: its guests with huge pages need {in_units(has.memory.hugepage_guests)}"
        hint = "set more aside, or move a guest away"
        yield Mistake((*path, "kvm", "hugepages", "total"), reason, hint)
    if has.cpu.is_over:
        yield _cpu((*path, "cpu_threads"), has.cpu)
    if has.boot.is_over:
        yield _space((*path, "boot", "disk_size"), has.boot)
    for pool, space in has.pools.items():
        if space.is_over:
            yield _space((*path, "zfs", pool, "disk_size"), space)


def _memory(path: Path, memory: Memory) -> Mistake:
    guests = math.ceil(memory.guests / memory.ratio)
    shared = f" (promised {memory.ratio:g} times)" if memory.ratio > 1 and guests else ""
    parts = [
        f"guests {in_units(memory.guests)}{shared}" if guests else "",
        f"ARC {in_units(memory.arc)}" if memory.arc else "",
        f"huge pages {in_units(memory.hugepages)}" if memory.hugepages else "",
        f"the host's own {in_units(memory.reserved)}",
    ]
    need = guests + memory.arc + memory.hugepages + memory.reserved
    reason = f"is too little: {listed(filter(None, parts))} need {in_units(need)}"
    ways = ["give guests less" if guests else "", "lower `zfs_arc_max`" if memory.arc else ""]
    ways.append(_more_often("memory", memory.guests, memory.room) if guests else "set less aside")
    return Mistake(path, reason, listed(filter(None, ways), last="or"))


def _cpu(path: Path, cpu: Cpu) -> Mistake:
    reason = (
        f"are too few: guests have {counted(cpu.promised, 'virtual CPU')}, "
        f"and {cpu.ratio:g} for a thread make {math.floor(cpu.threads * cpu.ratio)}"
    )
    return Mistake(path, reason, f"give guests fewer, or {_more_often('cpu', cpu.promised, cpu.threads)}")


def _space(path: Path, space: Space) -> Mistake:
    parts = [
        f"{name} {in_units(size)}"
        for name, size in (
            ("disks of guests", space.zvols),
            ("volumes", space.volumes),
            ("image files", space.files),
            ("reservations", space.reserved),
        )
        if size
    ]
    usable = in_units(space.usable or 0)
    total = f", together {in_units(space.promised)}" if len(parts) > 1 else ""
    shared = f" (promised {space.ratio:g} times)" if space.ratio > 1 else ""
    reason = f"leaves {usable} to use{shared}, and promised are {listed(parts)}{total}"
    return Mistake(path, reason, f"promise less, or {_more_often('disk', space.promised, space.usable or 0)}")


def _more_often(key: str, promised: int, room: int) -> str:
    """Say the ratio with which the promise would be allowed, if one would."""
    if room <= 0:
        return "move guests to another host"
    ratio = math.ceil(promised / room * 10) / 10
    return f"promise it more often with `overcommit: {{{key}: {ratio:g}}}`"


def reserves_are_possible(scope: Scope) -> Iterator[Mistake]:
    """Refuse a ZFS cache so small that ZFS ignores it, or larger than any machine's memory."""
    for name, host in scope.inventory.hosts.items():
        path: Path = ("hosts", name, "zfs_arc_max")
        if host.zfs_arc_max is not None and host.zfs_arc_max < _LEAST_ARC:
            reason = "is less than ZFS takes, which would use its own default instead"
            yield Mistake(path, reason, "write 64MiB or more")
        elif host.zfs_arc_max is not None and host.zfs_arc_max > _MOST_ARC:
            yield Mistake(path, "is more than any machine can have", "write 16TiB or less")
