"""`pyhomelab deploy --resume`: what became of the machines of a run is found out, and what is left of it is done."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.cli.asking import ask_machines
from pyhomelab.cli.progress import show
from pyhomelab.cli.rolling import Resumed, Told, gear_of, journal_file, refuse_unconfirmed, report, roll
from pyhomelab.cli.tables import local
from pyhomelab.errors import Refused
from pyhomelab.events import Noted
from pyhomelab.journal import Journal
from pyhomelab.load import load
from pyhomelab.lock import as_run
from pyhomelab.parallel import as_they_end, in_background
from pyhomelab.premises import Premises
from pyhomelab.resume import leftovers, settle
from pyhomelab.rollout import Goal, concerned, rollout
from pyhomelab.targets import targets
from pyhomelab.wording import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.cli.rolling import Gear
    from pyhomelab.journal import Run
    from pyhomelab.rollout import Rollout
    from pyhomelab.turn import Result


def mention_unfinished(inventory: Path) -> None:
    """Say that an earlier run was cut short, if one was."""
    file = journal_file(Premises(inventory))
    if not file.exists():
        return
    with Journal.open(file) as journal:
        run = journal.unfinished_run()
    if run is not None:
        began = f"{run.kind} {run.id}, begun {local(run.began)} by {run.by}"
        show(Noted(f"the {began} did not come to its end: --resume would go on with it, this begins anew"))


def resumed(inventory: Path, *, is_confirmed: bool, as_json: bool) -> None:
    """Go on with the last run; raises Refused if it came to its end, or is still at work."""
    lab, premises = load(inventory), Premises(inventory)
    machines = targets(lab, inventory)
    with gear_of(lab, machines, premises) as gear:
        run = gear.journal.unfinished_run()
        if run is None:
            raise Refused("there is nothing to resume: the last run came to its end", hint="`pyhomelab deploy`")
        told = Told.of(run)
        with as_run(gear.own, run.id, run.by):
            results = _settled(gear, run, told)
            plan = _rest(gear, run, told, results)
            refuse_unconfirmed(plan, is_confirmed=is_confirmed)
        after = roll(gear, plan, told, Resumed(run, results))
    report(plan, after, as_json=as_json, before=results)


def _settled(gear: Gear, run: Run, told: Told) -> Mapping[str, Result]:
    """Ask every machine whose trial has no end in the journal what became of it; gives the machines that are done."""
    left = leftovers(gear.journal.entries(run.id))
    lab = gear.lab(run.id, told)
    known = {host: entry for host, entry in left.trials.items() if host in gear.machines}

    def found(host: str) -> tuple[str, Result | None]:
        return host, settle(lab, known[host], run.id)

    results = dict(left.results)
    for future in as_they_end([in_background(partial(found, host)) for host in known]):
        host, result = future.result()
        if result is not None:
            results[host] = result
    return results


def _rest(gear: Gear, run: Run, told: Told, results: Mapping[str, Result]) -> Rollout:
    """Plan what is left to do; raises Refused if a system that is needed for it is gone."""
    goals = {host: Goal(goal) for host, goal in run.goals.items() if host not in results and host in gear.machines}
    answers = ask_machines(gear.machines, concerned(gear.inventory, goals))
    plan = rollout(gear.inventory, goals, answers, told.max_parallel)
    gone = [host for host, change in plan.changes.items() if told.kind == "deploy" and not Path(change.new).exists()]
    if gone:
        raise Refused(f"the systems of {listed(gone)} are not here any more", hint="`pyhomelab deploy` makes them anew")
    return plan
