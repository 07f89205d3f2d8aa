"""A run that was cut short → what became of its machines, as far as that is known, and what is still to be done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.deployment.booting import followed
from pyhomelab.deployment.journal import DEPLOYED
from pyhomelab.deployment.probation import follow
from pyhomelab.deployment.runs import Entered, Result
from pyhomelab.errors import HostFailed
from pyhomelab.health.comparison import read
from pyhomelab.telling.events import Progressed
from pyhomelab.trials.activation import Armed, state
from pyhomelab.trials.reboot import Begun, reboot_state
from pyhomelab.trials.reboots import Mode
from pyhomelab.trials.trial import UNCONFIRMED, Ending, Order, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyhomelab.deployment.journal import Entry
    from pyhomelab.deployment.runs import Lab
    from pyhomelab.health.comparison import Findings

_DECISIVE = {"activate", "reboot"}


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What the journal has of a run: machines that were done with, stages whose end it does not have, closed nodes."""

    results: dict[str, Result]
    cut_short: dict[str, Entry]
    drained: frozenset[str]


def leftovers(entries: Sequence[Entry], reboot: Mode) -> Leftovers:
    """Read the entries of a run.

    A machine that went back because of its new system is done with; whatever else kept one from its system may have
    passed. One that was to be rebooted is done with when it has been.
    """
    results: dict[str, Result] = {}
    cut_short: dict[str, Entry] = {}
    drained: set[str] = set()
    for entry in entries:
        if entry.stage == "drain":
            drained.add(entry.host)
        elif entry.stage == "uncordon" and entry.ended is not None:
            drained.discard(entry.host)
        elif entry.stage in _DECISIVE:
            results.pop(entry.host, None)
            cut_short.pop(entry.host, None)
            if entry.ended is None:
                cut_short[entry.host] = entry
            elif (result := _final(entry, reboot)) is not None:
                results[entry.host] = result
    return Leftovers(results, cut_short, frozenset(drained))


def _final(entry: Entry, reboot: Mode) -> Result | None:
    why = entry.details.get("why", "")
    if entry.outcome == DEPLOYED and (entry.stage == "reboot" or reboot is Mode.NEVER):
        return Result(DEPLOYED, "before this deploy was resumed", is_well=True)
    if entry.outcome == Ending.ROLLED_BACK and not why.startswith(UNCONFIRMED):
        return Result(Ending.ROLLED_BACK, why)
    return None


def trial_of(entry: Entry, run_id: str) -> Trial:
    """Give the trial that a stage was, as it was written down when it began."""
    found = entry.details
    order = Order(
        found["old"],
        found["new"],
        activation_seconds=int(found["activation_seconds"]),
        probation_seconds=int(found["probation_seconds"]),
    )
    return Trial(entry.host, run_id, order, found["holder"], found["token"])


def settle(lab: Lab, entry: Entry) -> Result | None:
    """Ask a machine what became of a stage, and bring that to its end if it is not over; None to try it once more."""
    trial = trial_of(entry, lab.run_id)
    entered = Entered(lab, entry.host, "reboot" if entry.stage == "reboot" else "activate", entry.id)
    before = read(json.loads(entry.details["checks"]), lab.checks.get(entry.host, ()))
    lab.tell(Progressed(entry.host, "asked what became of it"))
    try:
        result = (_rebooted if entry.stage == "reboot" else _tried)(lab, entered, trial, before)
    except HostFailed as error:
        entered.left(error.kind, error.what)
        return None
    if result is None:
        entered.left("cut short")
        return None
    is_undone = result.became == Ending.ROLLED_BACK and not result.why.startswith(UNCONFIRMED)
    is_done = result.is_well and (entry.stage == "reboot" or lab.reboot is Mode.NEVER)
    return result if is_undone or is_done else None


def _tried(lab: Lab, entered: Entered, trial: Trial, before: Findings) -> Result | None:
    with lab.shell(trial.host) as shell:
        found = state(shell, trial)
    return None if found.phase is None else follow(lab, entered, Armed(trial, found.boot_id), before)


def _rebooted(lab: Lab, entered: Entered, trial: Trial, before: Findings) -> Result | None:
    with lab.shell(trial.host) as shell:
        found = reboot_state(shell, trial.host, trial.run_id, trial.order.profile)
    return None if found.phase is None else followed(lab, entered, Begun(trial, found.began_in), before)
