"""Which machines get which system, and in which order: decided before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.planning.waves import degraded, groups, waves
from pyhomelab.text.wording import listed
from pyhomelab.trials.reboots import Mode, way_back

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyhomelab.model import Inventory
    from pyhomelab.nix.room import Prospect
    from pyhomelab.planning.waves import Wave
    from pyhomelab.state.drift import Drift
    from pyhomelab.state.hoststate import HostState, System


@dataclass(frozen=True, slots=True)
class Goal:
    """The system that a machine is to run, and what is known of it.

    `parts` are those that only a boot changes. From a system of another `init_interface`, or with other values for what
    both call `inhibitors`, it cannot be switched to.
    """

    system: str
    parts: Mapping[str, str] = field(default_factory=dict)
    init_interface: str = ""
    inhibitors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A machine that is to run another system than it does, or to boot another than it would.

    `reboot_for` are the parts that it goes on without until it is rebooted; `needs_boot` those for which it cannot
    switch at all, so that only a boot brings the system. Both are names such as `kernel`, for sentences with "its". One
    whose new system `is_active` has it already, and is to be rebooted. From a reboot it goes back to the system that is
    `proven`: what it has booted, as long as it keeps that.
    """

    host: str
    old: str
    new: str
    reboot_for: tuple[str, ...] = ()
    needs_boot: tuple[str, ...] = ()
    is_active: bool = False
    proven: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """The changes in their order, the machines that need none, and those that cannot have theirs, each with why.

    `prospects` say what the changes bring, `drifts` and `remarks` how the machines stand that are changed or in sync:
    in a word, and what a person should know of it.
    """

    changes: Mapping[str, Change]
    waves: tuple[Wave, ...]
    in_sync: tuple[str, ...]
    left_out: Mapping[str, str]
    prospects: Mapping[str, Prospect] = field(default_factory=dict)
    drifts: Mapping[str, Drift] = field(default_factory=dict)
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def rollout(  # noqa: PLR0913 - all that an order depends on
    inventory: Inventory,
    goals: Mapping[str, Goal],
    answers: Mapping[str, HostState | HostFailed],
    max_parallel: int,
    *,
    refused: Mapping[str, str] | None = None,
    reboot: Mode = Mode.NEVER,
) -> Rollout:
    """Plan to bring every machine of `goals` to its system, given what the machines of the lab said of themselves.

    Machines that are `refused`, each for a reason, are left out, if they would be changed. Those that are in sync may
    still be due for a `reboot`; those that only a reboot could change are left out if there is to be none.
    """
    left_out: dict[str, str] = {}
    changes: dict[str, Change] = {}
    in_sync = []
    for host, goal in goals.items():
        answer = answers[host]
        if isinstance(answer, HostFailed):
            left_out[host] = "; ".join(filter(None, (answer.what, answer.hint)))
        elif answer.current is None:
            left_out[host] = "does not say what it runs"
        elif is_in_sync(answer, goal.system) and not is_due(answer, reboot):
            in_sync.append(host)
        elif refused and host in refused:
            left_out[host] = refused[host]
        else:
            change = _change(host, answer, answer.current, goal)
            if change.needs_boot and reboot is Mode.NEVER:
                left_out[host] = f"only a reboot brings its {listed(change.needs_boot)}; give --reboot needed"
            else:
                changes[host] = change
    down = [host for host, answer in answers.items() if isinstance(answer, HostFailed)]
    waiting = degraded(inventory, changes, down)
    left_out |= waiting
    going = {host: change for host, change in changes.items() if host not in waiting}
    order = waves(inventory, going, max_parallel=max_parallel)
    return Rollout(going, tuple(order), tuple(in_sync), left_out)


def _change(host: str, state: HostState, current: System, goal: Goal) -> Change:
    booted = state.booted.parts if state.booted is not None else {}
    reboot_for = _differing(booted, goal.parts)
    needs_boot = _differing(current.inhibitors, goal.inhibitors)
    if goal.init_interface and goal.init_interface != current.init_interface:
        needs_boot = (*needs_boot, "init interface")
    if is_in_sync(state, goal.system):
        return Change(host, current.path, goal.system, reboot_for, is_active=True, proven=way_back(state, current.path))
    # What is booted instead of tried goes back to what runs.
    proven = current.path if needs_boot else way_back(state, current.path)
    return Change(host, current.path, goal.system, reboot_for, needs_boot, proven=proven)


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """Give the names that stand on both sides, for different things."""
    return tuple(sorted(name for name, value in new.items() if name in old and old[name] != value))


def foreign(state: HostState, system: str) -> str:
    """Say that a machine is of another kind than a system in Nix's words, such as `x86_64-linux`, is built for."""
    if system.startswith(f"{state.machine}-"):
        return ""
    return f"is {state.machine}, but the inventory says {system}"


def is_in_sync(state: HostState, system: str) -> bool:
    """Say whether a machine runs a system, and would boot it."""
    default = state.next_boot
    return state.current is not None and default is not None and state.current.path == default.path == system


def is_due(state: HostState, reboot: Mode) -> bool:
    """Say whether a machine that runs what it should is to be rebooted, if only for what a switch could not bring."""
    return reboot is Mode.ALWAYS or (reboot is Mode.NEEDED and state.drift == "reboot pending")


def concerned(inventory: Inventory, hosts: Iterable[str]) -> list[str]:
    """List the machines whose health matters to a change of some: these, and all that share a group with one."""
    meant = set(hosts)
    return sorted(meant.union(*(group.members for group in groups(inventory) if meant.intersection(group.members))))
