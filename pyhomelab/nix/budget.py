"""How many evaluations this machine can bear at once."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from pyhomelab.model.units import GiB, MiB

_MEMINFO = Path("/proc/meminfo")
_EACH = 3 * GiB  # a machine with a desktop or a cluster takes 1 to 4.5 GiB, and nothing of it is given back
_SHARE = 0.75  # of what is free: builds begin while others are evaluated


@dataclass(frozen=True, slots=True)
class Budget:
    """So many workers, each of which starts anew once it holds that much memory, in MiB."""

    workers: int
    memory: int = _EACH // MiB


def budget(hosts: int, cpus: int, free: int) -> Budget:
    """Decide how many of the machines to evaluate at once, with `free` bytes of memory.

    >>> budget(hosts=7, cpus=8, free=16 * GiB)
    Budget(workers=4, memory=3072)
    """
    return Budget(max(1, min(hosts, cpus, int(_SHARE * free) // _EACH)))


def own_budget(hosts: int) -> Budget:
    """Decide how many of the machines to evaluate at once on this machine, as it is now."""
    return budget(hosts, len(os.sched_getaffinity(0)), free_memory(_MEMINFO.read_text(encoding="ascii")))


def free_memory(meminfo: str) -> int:
    """Read what /proc/meminfo says can be had without swapping, in bytes."""
    match = re.search(r"^MemAvailable: +(\d+) kB$", meminfo, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0
