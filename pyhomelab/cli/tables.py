"""Tables as text."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pyhomelab.text.wording import in_units

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyhomelab.allocation.capacity import HostCapacity, Space

_WIDTH = 110


def as_text(table: Table, width: int = _WIDTH) -> str:
    """Draw a table without colour, for terminals and pipes alike; what is in brackets or colons is no markup."""
    console = Console(file=StringIO(), width=width, color_system=None, markup=False, emoji=False)
    console.print(table)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def local(moment: datetime) -> str:
    """Write a moment to the minute, by the clock of who reads it."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def capacity_table(hosts: Mapping[str, HostCapacity]) -> str:
    """Draw what each host has, and what of it is promised."""
    table = Table("host", "memory", "of it promised", "threads", "vCPUs", "pools", box=SIMPLE_HEAD)
    for name, host in hosts.items():
        memory, cpu = host.memory, host.cpu
        promised = memory.guests + memory.hugepages + memory.arc + memory.reserved
        guests = in_units(memory.guests + memory.hugepage_guests)
        table.add_row(
            name,
            in_units(memory.total),
            f"{in_units(promised)} (guests {guests}, ARC {in_units(memory.arc)})",
            str(cpu.threads),
            str(cpu.promised),
            ", ".join(_pool(pool, space) for pool, space in host.pools.items()),
        )
    return as_text(table)


def _pool(name: str, space: Space) -> str:
    of = f" of {in_units(space.usable)}" if space.usable is not None else ", size unknown"
    return f"{name} {in_units(space.promised)}{of}"
