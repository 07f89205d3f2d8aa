"""`pyhomelab deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import host_option, inventory_argument, json_option, on_option, parallel_option
from pyhomelab.cli.planning import planned
from pyhomelab.cli.rolling import refuse_unconfirmed, report, roll

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@inventory_argument
@host_option
@on_option
@parallel_option
@click.option("--yes", is_flag=True, help="Do not ask before machines are changed.")
@json_option
def command(  # noqa: PLR0913 - one for each option
    *, inventory: Path, hosts: tuple[str, ...], on: tuple[str, ...], max_parallel: int, yes: bool, as_json: bool
) -> None:
    """Bring the machines to what the inventory says.

    Builds their systems, shows what would change and in which order, and asks. Then each machine tries its system by
    itself and goes back to the old one unless it is confirmed in time. Exits 4 if a machine runs its old system still,
    5 if one needs a person.

    Example: pyhomelab deploy --host dl1
    """
    work = planned(inventory, (*hosts, *on), max_parallel)
    refuse_unconfirmed(work.plan, is_confirmed=yes)
    report(work.plan, roll(work.lab, work.machines, work.premises, work.plan, "deploy"), as_json=as_json)
    work.refuse_unbuilt()
