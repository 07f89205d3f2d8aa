"""How many machines are evaluated at once: as many as there are processors and memory for."""

from __future__ import annotations

import pytest

from pyhomelab.model.units import GiB
from pyhomelab.nix.budget import budget, free_memory, own_budget

MEMINFO = "MemTotal:       24683520 kB\nMemFree:        18769000 kB\nMemAvailable:   23849984 kB\nBuffers: 1 kB\n"


@pytest.mark.parametrize(
    ("hosts", "cpus", "free", "workers"),
    [
        (3, 16, 64 * GiB, 3),
        (20, 4, 64 * GiB, 4),
        (20, 16, 16 * GiB, 4),
        (20, 16, 12 * GiB, 3),
        (5, 8, GiB, 1),
        (1, 1, 0, 1),
    ],
)
def test_machines_processors_and_memory_each_set_a_limit(hosts: int, cpus: int, free: int, workers: int) -> None:
    assert budget(hosts, cpus, free).workers == workers


def test_a_worker_starts_anew_at_the_memory_that_it_was_counted_with() -> None:
    assert budget(1, 1, GiB).memory == 3072


def test_free_memory_is_what_can_be_had_without_swapping() -> None:
    assert free_memory(MEMINFO) == 23849984 * 1024
    assert free_memory("no such line") == 0


def test_this_machine_can_evaluate_at_least_one() -> None:
    assert own_budget(1).workers == 1
