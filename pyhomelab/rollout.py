"""Which machines get which system, and in which order: decided before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.waves import degraded, groups, waves

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyhomelab.hoststate import HostState
    from pyhomelab.model import Inventory
    from pyhomelab.waves import Wave


@dataclass(frozen=True, slots=True)
class Goal:
    """The system that a machine is to run, and those of its parts that only a boot changes, if they are known."""

    system: str
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A machine that is to run another system than it does, or to boot another than it would.

    `reboot_for` are the parts that it goes on without until it is rebooted.
    """

    host: str
    old: str
    new: str
    reboot_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollout:
    """The changes in their order, the machines that need none, and those that cannot have theirs, each with why."""

    changes: Mapping[str, Change]
    waves: tuple[Wave, ...]
    in_sync: tuple[str, ...]
    left_out: Mapping[str, str]


def rollout(
    inventory: Inventory,
    goals: Mapping[str, Goal],
    answers: Mapping[str, HostState | HostFailed],
    max_parallel: int,
) -> Rollout:
    """Plan to bring every machine of `goals` to its system, given what the machines of the lab said of themselves."""
    left_out: dict[str, str] = {}
    changes: dict[str, Change] = {}
    in_sync = []
    for host, goal in goals.items():
        answer = answers[host]
        if isinstance(answer, HostFailed):
            left_out[host] = answer.what
        elif answer.current is None:
            left_out[host] = "does not say what it runs"
        elif is_in_sync(answer, goal.system):
            in_sync.append(host)
        else:
            changes[host] = Change(host, answer.current.path, goal.system, _differing(answer, goal))
    down = [host for host, answer in answers.items() if isinstance(answer, HostFailed)]
    waiting = degraded(inventory, changes, down)
    left_out |= waiting
    going = {host: change for host, change in changes.items() if host not in waiting}
    order = waves(inventory, going, max_parallel=max_parallel)
    return Rollout(going, tuple(order), tuple(in_sync), left_out)


def _differing(state: HostState, goal: Goal) -> tuple[str, ...]:
    booted = state.booted.parts if state.booted is not None else {}
    return tuple(sorted(part for part, value in goal.parts.items() if part in booted and booted[part] != value))


def is_in_sync(state: HostState, system: str) -> bool:
    """Say whether a machine runs a system, and would boot it."""
    default = state.next_boot
    return state.current is not None and default is not None and state.current.path == default.path == system


def concerned(inventory: Inventory, hosts: Iterable[str]) -> list[str]:
    """List the machines whose health matters to a change of some: these, and all that share a group with one."""
    meant = set(hosts)
    return sorted(meant.union(*(group.members for group in groups(inventory) if meant.intersection(group.members))))
