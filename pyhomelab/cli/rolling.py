"""What `deploy` and `rollback` share: a rollout is shown, confirmed, run, and reported."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import print_json
from pyhomelab.cli.plans import show_plan
from pyhomelab.cli.progress import show
from pyhomelab.deploy import Lab, Limits, Result, deploy
from pyhomelab.errors import NeedsAPerson, Refused, SomeFailed
from pyhomelab.journal import Journal
from pyhomelab.process import Children
from pyhomelab.shell.network import Network
from pyhomelab.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.journal import Kind
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


def roll(
    lab: Inventory, machines: Mapping[str, Target], premises: Premises, plan: Rollout, kind: Kind
) -> dict[str, Result]:
    """Run a rollout, and keep the journal of it."""
    by = _holder()
    if not plan.changes:
        return {}
    goals = {host: change.new for host, change in plan.changes.items()}
    with (
        Journal.open(premises.own / "journal.sqlite") as journal,
        Network(machines, _password) as network,
        Children() as children,
    ):
        run_id = journal.start_run(kind, by, goals)
        work = Lab(lab, machines, network, journal, children, by, show)
        results = deploy(work, plan, run_id, Limits(), copies=kind == "deploy")
        journal.end_run(run_id)
    return results


def _password() -> str | None:
    return click.prompt("Password for sudo", hide_input=True, err=True) if sys.stdin.isatty() else None


def report(plan: Rollout, results: Mapping[str, Result], *, as_json: bool) -> None:
    """Say what became of each machine; raises NeedsAPerson or SomeFailed if it did not go well."""
    became = {host: Result("in sync", is_well=True) for host in plan.in_sync}
    became |= {host: Result("left alone", why) for host, why in plan.left_out.items()}
    became |= results
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
