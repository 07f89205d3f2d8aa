"""A run that was cut short → what became of its machines, as far as that is known, and what is still to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.events import Progressed
from pyhomelab.journal import DEPLOYED
from pyhomelab.stages.activation import Armed, state
from pyhomelab.trial import UNCONFIRMED, Ending, Order, Trial
from pyhomelab.turn import Entered, Result, concluded, follow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyhomelab.journal import Entry
    from pyhomelab.turn import Lab


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What the journal has of a run: the machines that were done with, and the trials whose end it does not have."""

    results: dict[str, Result]
    trials: dict[str, Entry]


def leftovers(entries: Sequence[Entry]) -> Leftovers:
    """Read the entries of a run.

    A machine that went back because of its new system is done with; whatever else kept one from its system may have
    passed.
    """
    left = Leftovers({}, {})
    for entry in entries:
        if entry.stage == "copy":
            continue
        left.results.pop(entry.host, None)
        left.trials.pop(entry.host, None)
        why = entry.details.get("why", "")
        if entry.ended is None:
            left.trials[entry.host] = entry
        elif entry.outcome == DEPLOYED:
            left.results[entry.host] = Result(DEPLOYED, "before this deploy was resumed", is_well=True)
        elif entry.outcome == Ending.ROLLED_BACK and not why.startswith(UNCONFIRMED):
            left.results[entry.host] = Result(Ending.ROLLED_BACK, why)
    return left


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


def settle(lab: Lab, entry: Entry, run_id: str) -> Result | None:
    """Ask a machine what became of its trial, and bring that to its end if it is not over; None to try it once more."""
    trial = trial_of(entry, run_id)
    entered = Entered(lab, entry.host, "activate", entry.id)
    lab.tell(Progressed(entry.host, "asked what became of its trial"))
    try:
        with lab.shell(entry.host) as shell:
            found = state(shell, trial)
        if found.phase is None:
            entered.left("cut short")
            return None
        result = concluded(entered, follow(lab, Armed(trial, found.boot_id)))
    except HostFailed as error:
        entered.left(error.kind, error.what)
        return None
    is_final = result.is_well or (result.became == Ending.ROLLED_BACK and not result.why.startswith(UNCONFIRMED))
    return result if is_final else None
