"""What `deploy` and `rollback` share: a rollout is shown, confirmed, run, and reported."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import click

from pyhomelab.checks import checks_of
from pyhomelab.cli.options import print_json
from pyhomelab.cli.plans import show_plan
from pyhomelab.cli.progress import show
from pyhomelab.deploy import Earlier, deploy
from pyhomelab.errors import Left, NeedsAPerson, Refused, SomeFailed
from pyhomelab.journal import Journal
from pyhomelab.lock import as_run
from pyhomelab.process import Children
from pyhomelab.runs import Lab, Limits, Result
from pyhomelab.shell.network import Network
from pyhomelab.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pyhomelab.journal import Kind, Run
    from pyhomelab.model import Inventory
    from pyhomelab.premises import Premises
    from pyhomelab.rollout import Rollout
    from pyhomelab.targets import Target


def _holder() -> str:
    """Say who is at work, for whoever finds a machine locked."""
    return f"{getpass.getuser()}@{socket.gethostname()} (process {os.getpid()})"


def refuse_unconfirmed(plan: Rollout, *, is_confirmed: bool) -> None:
    """Show a rollout, and raise Refused unless somebody agrees to it."""
    show_plan(plan, err=True)
    if not plan.changes or is_confirmed:
        return
    if not sys.stdin.isatty():
        raise Refused("nobody is there to agree to this", hint="give --yes")
    if not click.confirm(f"Change {counted(len(plan.changes), 'machine')}?", err=True):
        raise Refused("nothing was changed")


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

    def lab(self, run_id: str, told: Told, continues: str | None = None) -> Lab:
        """Give what the work on a run needs."""
        return Lab(
            inventory=self.inventory,
            machines=self.machines,
            network=self.network,
            journal=self.journal,
            children=self.children,
            holder=self.by,
            tell=show,
            run_id=run_id,
            checks=checks_of(self.inventory),
            limits=told.limits,
            copies=told.kind == "deploy",
            continues=continues,
        )


@contextmanager
def gear_of(inventory: Inventory, machines: Mapping[str, Target], premises: Premises) -> Iterator[Gear]:
    """Open the journal and the way to the machines; raises HomelabError, with what goes on, on a second Ctrl-C."""
    with (
        Journal.open(journal_file(premises)) as journal,
        Network(machines, _password) as network,
        Children() as children,
    ):
        try:
            yield Gear(inventory, machines, premises.own, journal, network, children, _holder())
        except KeyboardInterrupt:
            raise Left(
                "left at once: machines that were being tried go back by themselves",
                hint="`pyhomelab deploy --resume` goes on",
            ) from None


def journal_file(premises: Premises) -> Path:
    """Say where the journal of a lab is."""
    return premises.own / "journal.sqlite"


@dataclass(frozen=True, slots=True)
class Told:
    """What a command that changes machines was told."""

    kind: Kind
    limits: Limits
    max_parallel: int = 1

    def as_options(self, canaries: Sequence[str]) -> dict[str, str]:
        """Give it as the journal has it, with the machines that go first."""
        return {
            "canaries": ",".join(canaries),
            "max_parallel": str(self.max_parallel),
            "activation_seconds": str(self.limits.activation),
            "probation_seconds": str(self.limits.probation),
        }

    @classmethod
    def of(cls, run: Run) -> Self:
        """Read what the command of a run was told."""
        options = run.options
        limits = Limits(int(options["activation_seconds"]), int(options["probation_seconds"]))
        return cls("rollback" if run.kind == "rollback" else "deploy", limits, int(options["max_parallel"]))


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run that is taken up again, and what is known to have become of its machines."""

    run: Run
    results: Mapping[str, Result]

    @property
    def earlier(self) -> Earlier:
        """What those who go on with it have to know."""
        return Earlier(self.results, tuple(filter(None, self.run.options["canaries"].split(","))))


def roll(gear: Gear, plan: Rollout, told: Told, resumed: Resumed | None = None) -> dict[str, Result]:
    """Run a rollout, and keep the journal of it; one that is stopped can be resumed."""
    if not plan.changes:
        if resumed is not None:
            gear.journal.end_run(resumed.run.id)
        return {}
    earlier = resumed.earlier if resumed else Earlier()
    run_id = _begun(gear, plan, told, resumed)
    lab = gear.lab(run_id, told, resumed.run.id if resumed else None)
    with as_run(gear.own, run_id, gear.by):
        results = deploy(lab, plan, earlier)
    if not lab.stop.is_set():
        gear.journal.end_run(run_id)
    return results


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


def _password() -> str | None:
    return click.prompt("Password for sudo", hide_input=True, err=True) if sys.stdin.isatty() else None


def report(
    plan: Rollout, results: Mapping[str, Result], *, as_json: bool, before: Mapping[str, Result] | None = None
) -> None:
    """Say what became of each machine; raises NeedsAPerson or SomeFailed if it did not go well."""
    became = {host: Result("in sync", is_well=True) for host in plan.in_sync}
    became |= {host: Result("left alone", why) for host, why in plan.left_out.items()}
    became |= {**(before or {}), **results}
    if as_json:
        data = {host: {"state": result.became, "why": result.why} for host, result in became.items()}
        print_json({"hosts": data})
    else:
        for host, result in became.items():
            click.echo(f"{host}: {result.became}{f': {result.why}' if result.why else ''}")
            for line in result.log if not result.is_well else ():
                click.echo(f"{host}:   {line}", err=True)
    helpless = [host for host, result in became.items() if result.needs_a_person]
    unwell = [host for host, result in became.items() if not result.is_well]
    if helpless:
        verb = "needs" if len(helpless) == 1 else "need"
        raise NeedsAPerson(f"{listed(helpless)} {verb} a person", hint="see `pyhomelab status`, or the console")
    if unwell:
        verb = "runs what it" if len(unwell) == 1 else "run what they"
        raise SomeFailed(f"{listed(unwell)} {verb} ran before", hint="see `pyhomelab status`")
