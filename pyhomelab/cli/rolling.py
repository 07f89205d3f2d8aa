"""What `deploy` and `rollback` share: a rollout is shown, confirmed and run."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import click

from pyhomelab.checks import checks_of
from pyhomelab.cli.plans import show_plan
from pyhomelab.deployment.deploy import Earlier, deploy
from pyhomelab.deployment.journal import Journal
from pyhomelab.deployment.runs import Lab, Limits, Result
from pyhomelab.errors import Left, Refused
from pyhomelab.lock import as_run
from pyhomelab.planning.waves import LEFT_ALONE
from pyhomelab.process import Children
from pyhomelab.shell.network import Network
from pyhomelab.telling.events import HostEnded, RunBegan, RunEnded
from pyhomelab.text.wording import counted
from pyhomelab.trials.reboots import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pyhomelab.cli.telling import Teller
    from pyhomelab.deployment.journal import Kind, Run
    from pyhomelab.deployment.rollout import Rollout
    from pyhomelab.machines.targets import Target
    from pyhomelab.model import Inventory
    from pyhomelab.premises import Premises


@dataclass(frozen=True, slots=True)
class Told:
    """What a command that changes machines was told."""

    kind: Kind
    limits: Limits
    max_parallel: int = 1
    reboot: Mode = Mode.NEVER

    def as_options(self, canaries: Sequence[str]) -> dict[str, str]:
        """Give it as the journal has it, with the machines that go first."""
        return {
            "canaries": ",".join(canaries),
            "max_parallel": str(self.max_parallel),
            "activation_seconds": str(self.limits.activation),
            "probation_seconds": str(self.limits.probation),
            "boot_seconds": str(self.limits.boot),
            "reboot": self.reboot.value,
        }

    @classmethod
    def of(cls, run: Run) -> Self:
        """Read what the command of a run was told."""
        options = run.options
        limits = Limits(*(int(options[f"{name}_seconds"]) for name in ("activation", "probation", "boot")))
        kind: Kind = "rollback" if run.kind == "rollback" else "deploy"
        return cls(kind, limits, int(options["max_parallel"]), Mode(options["reboot"]))


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run that is taken up again, and what is known to have become of its machines."""

    run: Run
    results: Mapping[str, Result]

    @property
    def earlier(self) -> Earlier:
        """What those who go on with it have to know."""
        return Earlier(self.results, tuple(filter(None, self.run.options["canaries"].split(","))))


@dataclass(frozen=True, slots=True)
class Gear:
    """What a run of this program works with, whatever it does."""

    inventory: Inventory
    machines: Mapping[str, Target]
    own: Path
    journal: Journal
    network: Network
    children: Children
    by: str
    tell: Teller

    def lab(self, run_id: str, told: Told, continues: str | None = None) -> Lab:
        """Give what the work on a run needs."""
        return Lab(
            inventory=self.inventory,
            machines=self.machines,
            network=self.network,
            journal=self.journal,
            children=self.children,
            holder=self.by,
            tell=self.tell,
            run_id=run_id,
            checks=checks_of(self.inventory),
            limits=told.limits,
            reboot=told.reboot,
            copies=told.kind == "deploy",
            continues=continues,
        )


@contextmanager
def gear_of(inventory: Inventory, machines: Mapping[str, Target], premises: Premises, tell: Teller) -> Iterator[Gear]:
    """Open the journal and the way to the machines; raises Left on the second Ctrl-C."""

    def password() -> str | None:
        if not sys.stdin.isatty():
            return None
        with tell.paused():
            return str(click.prompt("Password for sudo", hide_input=True, err=True))

    with (
        Journal.open(journal_file(premises)) as journal,
        Network(machines, password) as network,
        Children() as children,
    ):
        try:
            yield Gear(inventory, machines, premises.own, journal, network, children, _holder(), tell)
        except KeyboardInterrupt:
            raise Left(
                "left at once: machines that were being tried go back by themselves",
                hint="`pyhomelab deploy --resume` goes on",
            ) from None


def journal_file(premises: Premises) -> Path:
    """Say where the journal of a lab is."""
    return premises.own / "journal.sqlite"


def _holder() -> str:
    """Say who is at work, for whoever finds a machine locked."""
    return f"{getpass.getuser()}@{socket.gethostname()} (process {os.getpid()})"


def refuse_unconfirmed(plan: Rollout, tell: Teller, *, is_confirmed: bool) -> None:
    """Show a rollout, and raise Refused unless somebody agrees to it."""
    with tell.paused():
        show_plan(plan, err=True)
        if not plan.changes or is_confirmed:
            return
        if not sys.stdin.isatty():
            raise Refused("nobody is there to agree to this", hint="give --yes")
        if not click.confirm(f"Change {counted(len(plan.changes), 'machine')}?", err=True):
            raise Refused("nothing was changed")


@dataclass(frozen=True, slots=True)
class Over:
    """A rollout that is over: what became of its machines, and the id of its run if there was anything to do.

    `before` is what became of machines before it was resumed, `unbuilt` says which machines had no system to give,
    `unwritten` why something is not in the journal.
    """

    plan: Rollout
    results: Mapping[str, Result]
    run_id: str = ""
    before: Mapping[str, Result] = field(default_factory=dict)
    unbuilt: str = ""
    unwritten: tuple[str, ...] = ()

    @property
    def became(self) -> dict[str, HostEnded]:
        """What became of each machine of the plan; of those that it left as they were, too."""
        results = {host: Result("in sync", is_well=True) for host in self.plan.in_sync}
        results |= {host: Result(LEFT_ALONE, why) for host, why in self.plan.left_out.items()}
        results |= {**self.before, **self.results}
        return {host: _ended(host, result) for host, result in results.items()}


def _ended(host: str, result: Result) -> HostEnded:
    why = "; ".join(filter(None, (result.why, *result.remarks)))
    return HostEnded(
        host,
        result.became,
        why,
        result.runs,
        result.log,
        is_well=result.is_well,
        needs_a_person=result.needs_a_person,
    )


def roll(gear: Gear, plan: Rollout, told: Told, resumed: Resumed | None = None) -> Over:
    """Run a rollout, and keep the journal of it; one that is stopped can be resumed."""
    earlier = resumed.earlier if resumed else Earlier()
    if plan.changes:
        over = _rolled(gear, plan, told, resumed, earlier)
    else:
        if resumed is not None:
            gear.journal.end_run(resumed.run.id)
        over = Over(plan, {}, before=earlier.results)
    for ended in over.became.values():
        gear.tell(ended)
    if over.run_id:
        gear.tell(RunEnded(over.run_id, all(result.is_well for result in over.results.values())))
    return over


def _rolled(gear: Gear, plan: Rollout, told: Told, resumed: Resumed | None, earlier: Earlier) -> Over:
    run_id = _begun(gear, plan, told, resumed)
    lab = gear.lab(run_id, told, resumed.run.id if resumed else None)
    gear.tell(RunBegan(run_id, told.kind, tuple(plan.changes)))
    with as_run(gear.own, run_id, gear.by):
        results = deploy(lab, plan, earlier)
    if not lab.stop.is_set():
        with lab.noting_what_is_unwritten():
            gear.journal.end_run(run_id)
    return Over(plan, results, run_id, earlier.results, unwritten=tuple(dict.fromkeys(lab.unwritten)))


def _begun(gear: Gear, plan: Rollout, told: Told, resumed: Resumed | None) -> str:
    """Begin a run in the journal, with what is known of the one that it continues."""
    goals = {host: change.new for host, change in plan.changes.items()}
    canaries = [host for wave in plan.waves if wave.is_canary for host in wave.machines]
    if resumed is None:
        return gear.journal.start_run(told.kind, gear.by, goals, told.as_options(canaries))
    options = told.as_options([*resumed.earlier.canaries, *canaries])
    undone = {host: result for host, result in resumed.results.items() if not result.is_well}
    goals |= {host: resumed.run.goals[host] for host in undone}
    run_id = gear.journal.start_run(told.kind, gear.by, goals, options, instead_of=resumed.run.id)
    for host, result in undone.items():
        gear.journal.end(gear.journal.begin(run_id, host, "activate"), result.became, {"why": result.why})
    return run_id
