"""`pyhomelab plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyhomelab.cli.options import host_option, inventory_argument, json_option, on_option, parallel_option, print_json
from pyhomelab.cli.planning import planned
from pyhomelab.cli.rolling import show_plan

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.rollout import Rollout


@click.command()
@inventory_argument
@host_option
@on_option
@parallel_option
@json_option
def command(*, inventory: Path, hosts: tuple[str, ...], on: tuple[str, ...], max_parallel: int, as_json: bool) -> None:
    """Say what a deploy would change, and in which order.

    Builds the systems and asks the machines what they run; changes nothing. Exits 4 if a machine could not be built.

    Example: pyhomelab plan --on @rack
    """
    work = planned(inventory, (*hosts, *on), max_parallel)
    if as_json:
        print_json(_as_data(work.plan))
    else:
        show_plan(work.plan, err=False)
    work.refuse_unbuilt()


def _as_data(plan: Rollout) -> dict[str, Any]:
    changed = {
        host: {"state": "changed", "from": change.old, "to": change.new, "reboot_for": change.reboot_for}
        for host, change in plan.changes.items()
    }
    alone = {host: {"state": "left alone", "why": why} for host, why in plan.left_out.items()}
    waves = [{"machines": wave.machines, "why": dict(wave.why), "canary": wave.is_canary} for wave in plan.waves]
    return {"hosts": {host: {"state": "in sync"} for host in plan.in_sync} | changed | alone, "waves": waves}
