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

from pyhomelab.cli.options import print_json
from pyhomelab.cli.progress import show
from pyhomelab.deploy import deploy
from pyhomelab.errors import Left, NeedsAPerson, Refused, SomeFailed
from pyhomelab.journal import Journal
from pyhomelab.lock import as_run
from pyhomelab.process import Children
from pyhomelab.shell.network import Network
from pyhomelab.turn import Lab, Limits, Result
from pyhomelab.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pyhomelab.journal import Kind, Run
    from pyhomelab.model import Inventory
    from pyhomelab.premises import Premises
    from pyhomelab.rollout import Rollout
    from pyhomelab.targets import Target


def _holder() -> str:
    """Say who is at work, for whoever finds a machine locked."""
    return f"{getpass.getuser()}@{socket.gethostname()} (process {os.getpid()})"


def show_plan(plan: Rollout, *, err: bool) -> None:
    """Show what would be done, and in which order; on stderr where stdout is for what became of it."""
    for host in plan.in_sync:
        click.echo(f"{host}: in sync", err=err)
    for host, why in plan.left_out.items():
        click.echo(f"{host}: left alone: {why}", err=err)
    for number, wave in enumerate(plan.waves, start=1):
        click.echo(f"wave {number}{' (canary)' if wave.is_canary else ''}:", err=err)
        for host in wave.machines:
            change = plan.changes[host]
            why = f" ({wave.why[host]})" if wave.why.get(host) else ""
            click.echo(f"  {host}{why}\n    from {change.old}\n    to   {change.new}", err=err)
            if change.reboot_for:
                click.echo(f"    a reboot brings its {listed(change.reboot_for)}", err=err)


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

    def as_options(self) -> dict[str, str]:
        """Give it as the journal has it."""
        return {
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


def roll(gear: Gear, plan: Rollout, told: Told, resumed: Resumed | None = None) -> dict[str, Result]:
    """Run a rollout, and keep the journal of it; one that is stopped can be resumed."""
    run_id = _begun(gear, plan, told, resumed)
    if run_id is None:
        return {}
    lab = gear.lab(run_id, told, resumed.run.id if resumed else None)
    with as_run(gear.own, run_id, gear.by):
        results = deploy(lab, plan, resumed.results if resumed else None)
    if not lab.stop.is_set():
        gear.journal.end_run(run_id)
    return results


def _begun(gear: Gear, plan: Rollout, told: Told, resumed: Resumed | None) -> str | None:
    """Begin a run in the journal, with what is known of the one that it continues; None if there is nothing to do."""
    if not plan.changes:
        if resumed is not None:
            gear.journal.end_run(resumed.run.id)
        return None
    goals = {host: change.new for host, change in plan.changes.items()}
    if resumed is None:
        return gear.journal.start_run(told.kind, gear.by, goals, told.as_options())
    undone = {host: result for host, result in resumed.results.items() if not result.is_well}
    goals |= {host: resumed.run.goals[host] for host in undone}
    run_id = gear.journal.start_run(told.kind, gear.by, goals, told.as_options(), instead_of=resumed.run.id)
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
