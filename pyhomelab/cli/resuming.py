"""`pyhomelab deploy --resume`: what became of the machines of a run is found out, and what is left of it is done."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.cli.asking import ask_machines
from pyhomelab.cli.foresight import goal_of, kept_goal
from pyhomelab.cli.rolling import Resumed, Told, gear_of, journal_file, refuse_unconfirmed, roll
from pyhomelab.cli.tables import local
from pyhomelab.deployment.booting import open_what_is_left
from pyhomelab.deployment.journal import Journal
from pyhomelab.deployment.resume import leftovers, settle
from pyhomelab.deployment.rollout import concerned, rollout
from pyhomelab.errors import Refused
from pyhomelab.inventory.load import load
from pyhomelab.lock import as_run
from pyhomelab.machines.targets import targets
from pyhomelab.parallel import as_they_end, in_background
from pyhomelab.premises import Premises
from pyhomelab.telling.events import Noted
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.cli.rolling import Gear, Over
    from pyhomelab.cli.telling import Teller
    from pyhomelab.deployment.journal import Entry, Run
    from pyhomelab.deployment.rollout import Rollout
    from pyhomelab.deployment.runs import Lab, Result
    from pyhomelab.telling.events import Tell


def mention_unfinished(inventory: Path, tell: Tell) -> None:
    """Say that an earlier run was cut short, if one was."""
    file = journal_file(Premises(inventory))
    if not file.exists():
        return
    with Journal.open(file) as journal:
        run = journal.unfinished_run()
    if run is not None:
        began = f"{run.kind} {run.id}, begun {local(run.began)} by {run.by}"
        tell(Noted(f"the {began} did not come to its end: --resume would go on with it, this begins anew"))


def resumed(inventory: Path, tell: Teller, *, is_confirmed: bool) -> Over:
    """Go on with the last run; raises Refused if it came to its end, or is still at work."""
    lab, premises = load(inventory), Premises(inventory)
    machines = targets(lab, inventory)
    with gear_of(lab, machines, premises, tell) as gear:
        run = gear.journal.unfinished_run()
        if run is None:
            raise Refused("there is nothing to resume: the last run came to its end", hint="`pyhomelab deploy`")
        if not run.options:
            raise Refused(f"run {run.id} was begun by an older pyhomelab", hint="`pyhomelab deploy` begins anew")
        told = Told.of(run)
        with as_run(gear.own, run.id, run.by):
            results = _settled(gear, run, told)
            plan = _rest(gear, run, told, results)
            refuse_unconfirmed(plan, tell, is_confirmed=is_confirmed)
        return roll(gear, plan, told, Resumed(run, results))


def _settled(gear: Gear, run: Run, told: Told) -> Mapping[str, Result]:
    """Ask every machine whose trial has no end in the journal what became of it; gives the machines that are done."""
    left = leftovers(gear.journal.entries(run.id), told.reboot)
    lab = gear.lab(run.id, told)
    cut_short = {host: entry for host, entry in left.cut_short.items() if host in gear.machines}
    results = dict(left.results)
    for future in as_they_end([in_background(partial(_found, lab, entry)) for entry in cut_short.values()]):
        host, result = future.result()
        if result is not None:
            results[host] = result
    for host in sorted(left.drained):
        open_what_is_left(lab, host)
    return results


def _found(lab: Lab, entry: Entry) -> tuple[str, Result | None]:
    return entry.host, settle(lab, entry)


def _rest(gear: Gear, run: Run, told: Told, results: Mapping[str, Result]) -> Rollout:
    """Plan what is left to do; raises Refused if a system that is needed for it is gone."""
    left = {host: goal for host, goal in run.goals.items() if host not in results and host in gear.machines}
    if told.kind == "deploy":
        goals = {host: goal_of(Path(goal)) for host, goal in left.items()}
    else:
        goals = {host: kept_goal(gear.machines, host, goal) for host, goal in left.items()}
    answers = ask_machines(gear.machines, concerned(gear.inventory, goals))
    plan = rollout(gear.inventory, goals, answers, told.max_parallel, reboot=told.reboot)
    gone = [host for host, change in plan.changes.items() if told.kind == "deploy" and not Path(change.new).exists()]
    if gone:
        raise Refused(f"the systems of {listed(gone)} are not here any more", hint="`pyhomelab deploy` makes them anew")
    return plan
