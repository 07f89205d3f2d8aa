"""`pyhomelab rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyhomelab.cli.asking import ask_machines
from pyhomelab.cli.foresight import kept_goal
from pyhomelab.cli.manner import manner_options
from pyhomelab.cli.options import inventory_argument, json_events_option, json_option, refuse_two_kinds
from pyhomelab.cli.reporting import Output, conclude
from pyhomelab.cli.rolling import Told, gear_of, refuse_unconfirmed, roll
from pyhomelab.cli.telling import teller
from pyhomelab.deployment.rollout import concerned, rollout
from pyhomelab.errors import HostFailed, Refused
from pyhomelab.inventory.load import load
from pyhomelab.machines.selection import select
from pyhomelab.machines.targets import targets
from pyhomelab.premises import Premises
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.deployment.runs import Limits
    from pyhomelab.state.hoststate import HostState
    from pyhomelab.trials.reboots import Mode


@click.command()
@inventory_argument
@click.option("--host", required=True, help="The machine.")
@click.option("--to", "number", type=click.IntRange(min=1), help="The generation; by default the one before this.")
@click.option("--yes", is_flag=True, help="Do not ask before the machine is changed.")
@manner_options
@json_option
@json_events_option
def command(  # noqa: PLR0913 - one for each option
    *,
    inventory: Path,
    host: str,
    number: int | None,
    yes: bool,
    limits: Limits,
    reboot: Mode,
    as_json: bool,
    json_events: bool,
) -> None:
    """Bring a machine back to an earlier generation.

    With the same safety as a deploy: the machine tries it by itself, and returns to what it runs now unless it is
    confirmed in time.

    Example: pyhomelab rollback --host dl1 --to 12
    """
    refuse_two_kinds(as_json=as_json, json_events=json_events)
    lab, premises = load(inventory), Premises(inventory)
    machines = targets(lab, inventory)
    (name,) = select((host,), machines)
    answers = ask_machines(machines, concerned(lab, [name]))
    answer = answers[name]
    if isinstance(answer, HostFailed):
        raise answer
    goals = {name: kept_goal(machines, name, _earlier(name, answer, number))}
    plan = rollout(lab, goals, answers, max_parallel=1, reboot=reboot)
    with teller(json_events=json_events) as tell:
        refuse_unconfirmed(plan, tell, is_confirmed=yes)
        with gear_of(lab, machines, premises, tell) as gear:
            over = roll(gear, plan, Told("rollback", limits, reboot=reboot))
    conclude(over, inventory, Output("rollback", as_json=as_json, json_events=json_events))


def _earlier(host: str, state: HostState, number: int | None) -> str:
    """Give the system of a generation; raises Refused if the machine does not keep it."""
    current = state.generation_of(state.current)
    if number is None:
        before = [kept for kept in state.generations if current is None or kept.number < current.number]
        before = [kept for kept in before if current is None or kept.path != current.path]
        if not before:
            raise Refused("keeps no earlier generation", where=host, hint="see `pyhomelab generations`")
        return before[-1].path
    chosen = next((kept for kept in state.generations if kept.number == number), None)
    if chosen is None:
        kept = listed(str(one.number) for one in state.generations)
        verb = "is" if len(state.generations) == 1 else "are"
        raise Refused(f"keeps no generation {number}", where=host, hint=f"there {verb} {kept}")
    return chosen.path
