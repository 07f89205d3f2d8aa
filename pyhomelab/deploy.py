"""Runs a rollout: systems are copied ahead, machines tried wave by wave, and what does not end well stops its group."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.events import Noted, Progressed
from pyhomelab.journal import DEPLOYED
from pyhomelab.stages.activation import abort, acknowledge, arm, forget, keep
from pyhomelab.stages.transfer import copy_to
from pyhomelab.trial import Ending, Order, Outcome, Trial, objection
from pyhomelab.watch import Watch
from pyhomelab.waves import LEFT_ALONE, blocked_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyhomelab.events import Tell
    from pyhomelab.journal import Journal
    from pyhomelab.model import Inventory
    from pyhomelab.process import Children
    from pyhomelab.rollout import Change, Rollout
    from pyhomelab.shell import Shell
    from pyhomelab.shell.network import Network
    from pyhomelab.targets import Target

_COPIES_AT_ONCE = 4
_NEEDS_A_PERSON = {Ending.ROLLBACK_FAILED, Ending.UNREACHABLE, Ending.UNKNOWN, Ending.BOOTS_OLD}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a machine: in two words, why, and whether somebody has to look after it."""

    became: str
    why: str = ""
    log: tuple[str, ...] = ()
    is_well: bool = False
    needs_a_person: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a system may take to activate, and how long a machine waits to be told that all is well, in seconds."""

    activation: int = 300
    probation: int = 120


@dataclass(frozen=True, slots=True)
class Lab:
    """What a rollout works with: the lab, the way to its machines, the journal, and who is told what happens."""

    inventory: Inventory
    machines: Mapping[str, Target]
    network: Network
    journal: Journal
    children: Children
    holder: str
    tell: Tell


def deploy(lab: Lab, plan: Rollout, run_id: str, limits: Limits, *, copies: bool = True) -> dict[str, Result]:
    """Bring every machine of a rollout to its system; gives what became of each.

    Ctrl-C lets the machines that are being tried come to their end, and begins no others; once more leaves at once, and
    those machines go back by themselves.
    """
    results: dict[str, Result] = {}
    with ThreadPoolExecutor(_COPIES_AT_ONCE) as copying, ThreadPoolExecutor(_most(plan)) as trying:
        brought = {
            host: copying.submit(_bring, lab, change, run_id, copies=copies) for host, change in plan.changes.items()
        }
        is_stopped = False
        for wave in plan.waves:
            unwell = {host: result.became for host, result in results.items() if not result.is_well}
            blocked = blocked_by(lab.inventory, plan.waves, unwell)
            trials: dict[str, Future[Result]] = {}
            for host in wave.machines:
                if is_stopped or host in blocked:
                    results[host] = Result(LEFT_ALONE, blocked.get(host, "the deploy was stopped"))
                else:
                    trials[host] = trying.submit(_try, lab, plan.changes[host], run_id, brought[host], limits)
            is_stopped = _await(trials, lab.tell) or is_stopped
            results |= {host: trial.result() for host, trial in trials.items()}
    for host, result in results.items():
        if result.became == LEFT_ALONE:
            _quietly(lab, host, lambda shell: forget(shell, run_id))
    return {host: results[host] for host in plan.changes}


def _most(plan: Rollout) -> int:
    return max([len(wave.machines) for wave in plan.waves], default=1)


def _await(trials: Mapping[str, Future[Result]], tell: Tell) -> bool:
    """Wait until all have ended; gives whether somebody wants no more of it."""
    pending, is_stopped = set(trials.values()), False
    while pending:
        try:
            _, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
        except KeyboardInterrupt:
            if is_stopped:
                raise
            is_stopped = True
            tell(Noted("stopping when these machines are done; Ctrl-C again leaves at once, and they go back alone"))
    return is_stopped


def _bring(lab: Lab, change: Change, run_id: str, *, copies: bool) -> None:
    """Have a machine hold on to its system, and copy it there."""
    entry = lab.journal.begin(run_id, change.host, "copy")
    try:
        with _shell(lab, change.host) as shell:
            keep(shell, change.host, run_id, change.new)
        if copies:
            lab.tell(Progressed(change.host, "copying its system"))
            copy_to(lab.machines[change.host], lab.machines, change.new, lab.children)
    except HostFailed as error:
        lab.journal.end(entry, error.kind, {"why": error.what})
        raise
    lab.journal.end(entry, "copied")


def _try(lab: Lab, change: Change, run_id: str, brought: Future[None], limits: Limits) -> Result:
    """Try the system on its machine, and confirm it if nothing speaks against it."""
    host = change.host
    try:
        brought.result()
    except HostFailed as error:
        return Result(error.kind, error.what)
    entry = lab.journal.begin(run_id, host, "activate")
    order = Order(change.old, change.new, activation_seconds=limits.activation, probation_seconds=limits.probation)
    trial = Trial(host, run_id, order, lab.holder)
    try:
        with _shell(lab, host) as shell:
            lab.tell(Progressed(host, "trying its system"))
            watch = Watch(arm(shell, trial), lambda: lab.network.open(lab.machines[host], as_root=True))
    except HostFailed as error:
        _quietly(lab, host, lambda shell: forget(shell, run_id))
        lab.journal.end(entry, error.kind, {"why": error.what})
        return Result(error.kind, error.what)
    outcome = _judged(lab, watch)
    is_deployed = outcome.ending is Ending.DEPLOYED
    lab.journal.end(entry, DEPLOYED if is_deployed else str(outcome.ending), {"why": outcome.why})
    needs_a_person = outcome.ending in _NEEDS_A_PERSON
    return Result(str(outcome.ending), outcome.why, outcome.log, is_well=is_deployed, needs_a_person=needs_a_person)


def _judged(lab: Lab, watch: Watch) -> Outcome:
    """Wait for the new system, look at it over a new connection, and say what is to become of it."""
    host = watch.armed.trial.host
    try:
        state = watch.activated()
        if state.is_activated:
            against = objection(state)
            with _shell(lab, host) as shell:
                if against is None:
                    lab.tell(Progressed(host, "nothing failed: confirming it"))
                    acknowledge(shell, watch.armed.trial)
                else:
                    lab.tell(Progressed(host, f"{against}: going back"))
                    abort(shell, watch.armed.trial, against)
    except HostFailed as error:
        lab.tell(Progressed(host, f"{error.what}: it goes back by itself unless it answers in time"))
    return watch.outcome()


@contextmanager
def _shell(lab: Lab, host: str) -> Iterator[Shell]:
    """Log in to a machine as root, over a connection of its own."""
    shell = lab.network.open(lab.machines[host], as_root=True)
    try:
        yield shell
    finally:
        shell.close()


def _quietly(lab: Lab, host: str, do: Callable[[Shell], None]) -> None:
    """Do what is only tidy; a machine that cannot be reached forgets it when it restarts."""
    try:
        with _shell(lab, host) as shell:
            do(shell)
    except HostFailed:
        return
