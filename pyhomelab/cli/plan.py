"""`pyhomelab plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyhomelab.cli.manner import reboot_option
from pyhomelab.cli.options import (
    host_option,
    inventory_argument,
    json_option,
    on_option,
    parallel_option,
    print_json,
)
from pyhomelab.cli.planning import planned
from pyhomelab.cli.plans import plan_data, show_plan
from pyhomelab.cli.telling import teller
from pyhomelab.errors import SomeFailed
from pyhomelab.text.wording import listed
from pyhomelab.trials.reboots import Mode

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@inventory_argument
@host_option
@on_option
@parallel_option
@reboot_option
@click.option("--full", is_flag=True, help="Name all packages and units, not only the first.")
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    inventory: Path,
    hosts: tuple[str, ...],
    on: tuple[str, ...],
    max_parallel: int,
    reboot: str,
    full: bool,
    as_json: bool,
) -> None:
    """Say what a deploy would change, and in which order.

    Builds the systems and asks the machines what they run, what they lack and what is free there; changes nothing.
    Exits 4 if a machine would not get its system, because it could not be built or for a reason that is said.

    Example: pyhomelab plan --on @rack
    """
    with teller() as tell:
        work = planned(inventory, (*hosts, *on), max_parallel, tell, Mode(reboot))
    if as_json:
        print_json(plan_data(work.plan, work.chosen))
    else:
        show_plan(work.plan, err=False, is_full=full)
    work.refuse_unbuilt()
    if work.plan.left_out:
        raise SomeFailed(f"{listed(work.plan.left_out)} would be left alone")
