"""Runs a rollout: systems are copied ahead, machines tried wave by wave, and what does not end well stops its group."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field, replace
from functools import partial
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from pyhomelab.deployment.gate import Gate
from pyhomelab.deployment.runs import Result, quietly
from pyhomelab.deployment.turn import STOPPED, bring, take_turn
from pyhomelab.parallel import in_background
from pyhomelab.planning.waves import LEFT_ALONE, blocked_by
from pyhomelab.process import BLINK
from pyhomelab.trials.activation import forget

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from concurrent.futures import Future

    from pyhomelab.deployment.rollout import Change, Rollout
    from pyhomelab.deployment.runs import Lab
    from pyhomelab.planning.waves import Wave

_COPIES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Earlier:
    """What happened in the same deploy before it was cut short: what became of machines, and which were canaries."""

    results: Mapping[str, Result] = field(default_factory=dict)
    canaries: tuple[str, ...] = ()


def deploy(lab: Lab, plan: Rollout, earlier: Earlier) -> dict[str, Result]:
    """Bring every machine of a rollout to its system; gives what became of each.

    Ctrl-C lets the machines that are being tried come to their end, and begins no others. Once more raises
    KeyboardInterrupt at once; then they go back by themselves.
    """
    known, results, gate = dict(earlier.results), dict[str, Result](), Gate(lab)
    brought = _bring_all(lab, plan.changes.values())
    for wave in plan.waves:
        blocked = _blocked(lab, plan, known, earlier.canaries)
        free = [host for host in wave.machines if host not in blocked and not lab.stop.is_set()]
        blocked |= gate.refusals(free)
        ended = _run(lab, plan, wave, blocked, brought)
        for host, how in gate.worsened([host for host, result in ended.items() if result.is_well]).items():
            ended[host] = replace(ended[host], why=f"but since then, {how}", is_well=False)
        results |= ended
        known |= ended
    for host, result in results.items():
        if result.became == LEFT_ALONE:
            quietly(lab, host, lambda shell: forget(shell, lab.run_id))
    return {host: results[host] for host in plan.changes}


def _bring_all(lab: Lab, changes: Collection[Change]) -> dict[str, Future[None]]:
    turnstile = BoundedSemaphore(_COPIES_AT_ONCE)

    def brought(change: Change) -> None:
        with turnstile:
            bring(lab, change)

    return {change.host: in_background(partial(brought, change)) for change in changes}


def _blocked(lab: Lab, plan: Rollout, known: Mapping[str, Result], earlier_canaries: Collection[str]) -> dict[str, str]:
    unwell = {host: result.became for host, result in known.items() if not result.is_well}
    return blocked_by(lab.inventory, plan.waves, unwell, earlier_canaries)


def _run(
    lab: Lab,
    plan: Rollout,
    wave: Wave,
    blocked: Mapping[str, str],
    brought: Mapping[str, Future[None]],
) -> dict[str, Result]:
    """Give every machine of a wave its turn, all at the same time."""
    results: dict[str, Result] = {}
    turns: dict[str, Future[Result]] = {}
    for host in wave.machines:
        change = plan.changes[host]
        if lab.stop.is_set() or host in blocked:
            results[host] = Result(LEFT_ALONE, blocked.get(host, STOPPED), change.old)
        else:
            turns[host] = in_background(partial(take_turn, lab, change, brought[host]))
    _await(lab, turns.values())
    return results | {host: turn.result() for host, turn in turns.items()}


def _await(lab: Lab, turns: Collection[Future[Result]]) -> None:
    """Wait until all have ended, and hear meanwhile whether somebody wants no more of it."""
    pending = set(turns)
    while pending:
        try:
            _, pending = wait(pending, timeout=BLINK, return_when=FIRST_COMPLETED)
        except KeyboardInterrupt:
            if lab.stop.is_set():
                raise
            lab.stops()
