"""A machine's turn in a run: its system is copied, tried, judged, and confirmed or undone; the journal has it all."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event as Flag
from typing import TYPE_CHECKING

from pyhomelab.errors import HomelabError, HostFailed
from pyhomelab.events import Progressed, StageBegan, StageEnded
from pyhomelab.journal import DEPLOYED
from pyhomelab.stages.activation import Collected, abort, acknowledge, arm, forget, keep
from pyhomelab.stages.transfer import copy_to
from pyhomelab.trial import Ending, Order, Trial, objection
from pyhomelab.watch import Watch
from pyhomelab.waves import LEFT_ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

    from pyhomelab.events import Stage, Tell
    from pyhomelab.journal import Journal
    from pyhomelab.model import Inventory
    from pyhomelab.process import Children
    from pyhomelab.rollout import Change
    from pyhomelab.shell import Shell
    from pyhomelab.shell.network import Network
    from pyhomelab.stages.activation import Armed
    from pyhomelab.targets import Target
    from pyhomelab.trial import Outcome

STOPPED = "the deploy was stopped"
_NEEDS_A_PERSON = {Ending.ROLLBACK_FAILED, Ending.UNREACHABLE, Ending.UNKNOWN, Ending.BOOTS_OLD}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a machine: in two words, why, the system that it runs now if that is known, and its last lines.

    `needs_a_person` if it does not come back to what it should be by itself.
    """

    became: str
    why: str = ""
    runs: str | None = None
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
    """What a run works with: the lab, the way to its machines, the journal, and who is told what happens.

    Systems that the machines keep already need no copies. `continues` is the run that this one takes up again. No more
    machines have their turn when `stop` is set.
    """

    inventory: Inventory
    machines: Mapping[str, Target]
    network: Network
    journal: Journal
    children: Children
    holder: str
    tell: Tell
    run_id: str
    limits: Limits = field(default_factory=Limits)
    copies: bool = True
    continues: str | None = None
    stop: Flag = field(default_factory=Flag)

    def reach(self, host: str) -> Shell:
        """Log in to a machine as root, over a connection of its own."""
        return self.network.open(self.machines[host], as_root=True)

    @contextmanager
    def shell(self, host: str) -> Iterator[Shell]:
        """Be logged in to a machine as root, over a connection of its own."""
        shell = self.reach(host)
        try:
            yield shell
        finally:
            shell.close()


@dataclass(frozen=True, slots=True)
class Entered:
    """A stage that a machine is in."""

    lab: Lab
    host: str
    stage: Stage
    entry: int

    def left(self, outcome: str, why: str = "") -> None:
        """Say how the stage ended."""
        self.lab.journal.end(self.entry, outcome, {"why": why} if why else {})
        self.lab.tell(StageEnded(self.host, self.stage, outcome, why))


def enter(lab: Lab, host: str, stage: Stage, details: Mapping[str, str] | None = None) -> Entered:
    """Begin a stage of a machine: it is in the journal before anything of it is done."""
    entry = lab.journal.begin(lab.run_id, host, stage, details)
    lab.tell(StageBegan(host, stage))
    return Entered(lab, host, stage, entry)


def bring(lab: Lab, change: Change) -> None:
    """Have a machine hold on to its system, and copy it there; raises HostFailed."""
    entered = enter(lab, change.host, "copy")
    try:
        with lab.shell(change.host) as shell:
            keep(shell, change.host, lab.run_id, change.new)
            if lab.continues is not None:
                forget(shell, lab.continues)
        if lab.copies:
            copy_to(lab.machines[change.host], lab.machines, change.new, lab.children)
    except HostFailed as error:
        entered.left(error.kind, error.what)
        raise
    entered.left("copied")


def take_turn(lab: Lab, change: Change, brought: Future[None]) -> Result:
    """Try the system on its machine as soon as it is there; gives what became of the machine."""
    try:
        brought.result()
        if lab.stop.is_set():
            return Result(LEFT_ALONE, STOPPED, change.old)
        return _tried(lab, change)
    except HostFailed as error:
        quietly(lab, change.host, lambda shell: forget(shell, lab.run_id))
        return Result(error.kind, error.what, change.old)
    except HomelabError:
        if lab.stop.is_set():  # which ends the programs that copy
            return Result(LEFT_ALONE, STOPPED, change.old)
        raise


def _tried(lab: Lab, change: Change) -> Result:
    limits = lab.limits
    order = Order(change.old, change.new, activation_seconds=limits.activation, probation_seconds=limits.probation)
    trial = Trial(change.host, lab.run_id, order, lab.holder)
    entered = enter(lab, change.host, "activate", written(trial))
    try:
        try:
            armed = _armed(lab, trial)
        except Collected:
            if not lab.copies:
                raise
            bring(lab, change)
            armed = _armed(lab, trial)
    except HostFailed as error:
        entered.left(error.kind, error.what)
        raise
    return concluded(entered, follow(lab, armed))


def _armed(lab: Lab, trial: Trial) -> Armed:
    with lab.shell(trial.host) as shell:
        return arm(shell, trial)


def follow(lab: Lab, armed: Armed) -> Outcome:
    """Wait for the new system, look at it over a new connection, say what is to become of it, and hear what became."""
    trial = armed.trial
    watch = Watch(armed, lambda: lab.reach(trial.host))
    try:
        state = watch.activated()
        if state.is_activated:
            against = objection(state)
            with lab.shell(trial.host) as shell:
                if against is None:
                    lab.tell(Progressed(trial.host, "nothing failed: confirming it"))
                    acknowledge(shell, trial)
                else:
                    lab.tell(Progressed(trial.host, f"{against}: going back"))
                    abort(shell, trial, against)
    except HostFailed as error:
        lab.tell(Progressed(trial.host, f"{error.what}: it goes back by itself unless it answers in time"))
    return watch.outcome()


def concluded(entered: Entered, outcome: Outcome) -> Result:
    """Write down how a trial ended, and give what that makes of the machine."""
    is_deployed = outcome.ending is Ending.DEPLOYED
    entered.left(DEPLOYED if is_deployed else str(outcome.ending), outcome.why)
    return Result(
        str(outcome.ending),
        outcome.why,
        outcome.runs,
        outcome.log,
        is_well=is_deployed,
        needs_a_person=outcome.ending in _NEEDS_A_PERSON,
    )


def written(trial: Trial) -> dict[str, str]:
    """Give what of a trial the journal has while it is under way, so that another program can take it up."""
    order = trial.order
    return {
        "old": order.old,
        "new": order.new,
        "activation_seconds": str(order.activation_seconds),
        "probation_seconds": str(order.probation_seconds),
        "holder": trial.holder,
        "token": trial.token,
    }


def quietly(lab: Lab, host: str, do: Callable[[Shell], None]) -> None:
    """Do what is only tidy; a machine that cannot be reached forgets it when it restarts."""
    try:
        with lab.shell(host) as shell:
            do(shell)
    except HostFailed:
        return
