"""`pyhomelab deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import (
    activation_option,
    host_option,
    inventory_argument,
    json_option,
    on_option,
    parallel_option,
    probation_option,
)
from pyhomelab.cli.planning import planned
from pyhomelab.cli.resuming import mention_unfinished, resumed
from pyhomelab.cli.rolling import Told, gear_of, refuse_unconfirmed, report, roll
from pyhomelab.turn import Limits

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@inventory_argument
@host_option
@on_option
@parallel_option
@activation_option
@probation_option
@click.option("--resume", is_flag=True, help="Go on with a deploy or rollback that was cut short, as it was told.")
@click.option("--yes", is_flag=True, help="Do not ask before machines are changed.")
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    inventory: Path,
    hosts: tuple[str, ...],
    on: tuple[str, ...],
    max_parallel: int,
    activation: int,
    probation: int,
    resume: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Bring the machines to what the inventory says.

    Builds their systems, shows what would change and in which order, and asks. Then each machine tries its system by
    itself and goes back to the old one unless it is confirmed in time. Exits 4 if a machine runs its old system still,
    5 if one needs a person.

    Ctrl-C once lets the machines that are at it come to their end; twice leaves at once. Either way, and after a kill,
    --resume goes on with the systems that were built then.

    Example: pyhomelab deploy --host dl1
    """
    if resume:
        if hosts or on:
            raise click.UsageError("--resume goes on with the machines of that run: leave out --host and --on")
        resumed(inventory, is_confirmed=yes, as_json=as_json)
        return
    mention_unfinished(inventory)
    work = planned(inventory, (*hosts, *on), max_parallel)
    refuse_unconfirmed(work.plan, is_confirmed=yes)
    with gear_of(work.lab, work.machines, work.premises) as gear:
        results = roll(gear, work.plan, Told("deploy", Limits(activation, probation), max_parallel))
    report(work.plan, results, as_json=as_json)
    work.refuse_unbuilt()
