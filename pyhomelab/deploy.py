"""Runs a rollout: systems are copied ahead, machines tried wave by wave, and what does not end well stops its group."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, wait
from functools import partial
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from pyhomelab.events import Noted
from pyhomelab.parallel import in_background
from pyhomelab.process import BLINK
from pyhomelab.stages.activation import forget
from pyhomelab.turn import STOPPED, Result, bring, quietly, take_turn
from pyhomelab.waves import LEFT_ALONE, blocked_by

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from concurrent.futures import Future

    from pyhomelab.rollout import Change, Rollout
    from pyhomelab.turn import Lab
    from pyhomelab.waves import Wave

_COPIES_AT_ONCE = 4


def deploy(lab: Lab, plan: Rollout, before: Mapping[str, Result] | None = None) -> dict[str, Result]:
    """Bring every machine of a rollout to its system; gives what became of each.

    `before` is what became of machines earlier in the same deploy. Ctrl-C lets the machines that are being tried come
    to their end, and begins no others. Once more raises KeyboardInterrupt at once; then they go back by themselves.
    """
    known, results = dict(before or {}), dict[str, Result]()
    brought = _bring_all(lab, plan.changes.values())
    for wave in plan.waves:
        ended = _run(lab, plan, wave, _blocked(lab, plan, known), brought)
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


def _blocked(lab: Lab, plan: Rollout, known: Mapping[str, Result]) -> Mapping[str, str]:
    unwell = {host: result.became for host, result in known.items() if not result.is_well}
    return blocked_by(lab.inventory, plan.waves, unwell)


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
            lab.stop.set()
            lab.tell(
                Noted("stopping when these machines are done; Ctrl-C again leaves at once, and they go back alone")
            )
            lab.children.stop()  # what is only being copied need not end
