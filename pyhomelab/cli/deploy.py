"""`pyhomelab deploy`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.manner import manner_options
from pyhomelab.cli.options import (
    host_option,
    inventory_argument,
    json_events_option,
    json_option,
    on_option,
    parallel_option,
    refuse_two_kinds,
)
from pyhomelab.cli.planning import planned
from pyhomelab.cli.reporting import Output, conclude
from pyhomelab.cli.resuming import mention_unfinished, resumed
from pyhomelab.cli.rolling import Told, gear_of, refuse_unconfirmed, roll
from pyhomelab.cli.telling import teller

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.deployment.runs import Limits
    from pyhomelab.trials.reboots import Mode


@click.command()
@inventory_argument
@host_option
@on_option
@parallel_option
@manner_options
@click.option("--resume", is_flag=True, help="Go on with a deploy or rollback that was cut short, as it was told.")
@click.option("--yes", is_flag=True, help="Do not ask before machines are changed.")
@json_option
@json_events_option
def command(  # noqa: PLR0913 - one for each option
    *,
    inventory: Path,
    hosts: tuple[str, ...],
    on: tuple[str, ...],
    max_parallel: int,
    limits: Limits,
    reboot: Mode,
    resume: bool,
    yes: bool,
    as_json: bool,
    json_events: bool,
) -> None:
    """Bring the machines to what the inventory says.

    Builds their systems, shows what would change and in which order, and asks. Then each machine tries its system by
    itself and goes back to the old one unless it is confirmed in time. Exits 1 if all was deployed but a check fails, 4
    if a machine runs its old system still, 5 if one needs a person.

    Ctrl-C once lets the machines that are at it come to their end; twice leaves at once. Either way, and after a kill,
    --resume goes on with the systems that were built then.

    Example: pyhomelab deploy --host dl1 --reboot needed
    """
    refuse_two_kinds(as_json=as_json, json_events=json_events)
    if resume and (hosts or on):
        raise click.UsageError("--resume goes on with the machines of that run: leave out --host and --on")
    output = Output("deploy", as_json=as_json, json_events=json_events)
    with teller(json_events=json_events) as tell:
        if resume:
            over = resumed(inventory, tell, is_confirmed=yes)
        else:
            mention_unfinished(inventory, tell)
            told = Told("deploy", limits, max_parallel, reboot)
            work = planned(inventory, (*hosts, *on), max_parallel, tell, reboot)
            refuse_unconfirmed(work.plan, tell, is_confirmed=yes)
            with gear_of(work.lab, work.machines, work.premises, tell) as gear:
                over = roll(gear, work.plan, told)
            over = replace(over, unbuilt=work.unbuilt)
    conclude(over, inventory, output)
