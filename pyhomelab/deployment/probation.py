"""A system that runs on trial: it is looked at over a new connection, and confirmed, or undone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pyhomelab.checks import worth_waiting_for
from pyhomelab.deployment.journal import DEPLOYED
from pyhomelab.deployment.runs import Result
from pyhomelab.errors import HostFailed
from pyhomelab.health.comparison import against, remarks
from pyhomelab.health.comparison import written as verdicts
from pyhomelab.telling.events import Progressed
from pyhomelab.trials.activation import abort, acknowledge
from pyhomelab.trials.trial import Ending, objection
from pyhomelab.trials.watch import Watch

if TYPE_CHECKING:
    from pyhomelab.deployment.runs import Entered, Lab
    from pyhomelab.health.comparison import Findings
    from pyhomelab.shell import Shell
    from pyhomelab.trials.activation import Armed
    from pyhomelab.trials.trial import Outcome, State, Trial

LAST_SECONDS = 20
"""What is left for the confirmation itself of the time in which a machine waits for it."""
_NEEDS_A_PERSON = {Ending.ROLLBACK_FAILED, Ending.UNREACHABLE, Ending.UNKNOWN, Ending.MAY_NOT_BOOT}


def follow(lab: Lab, entered: Entered, armed: Armed, before: Findings, shell: Shell | None = None) -> Result:
    """Wait for the new system, look at it over a new connection, say what is to become of it, and hear what became.

    Until it runs, a shell that is open already will do.
    """
    trial = armed.trial
    after: Findings = {}
    watch = Watch(armed, lambda: lab.reach(trial.host))
    fresh: Shell | None = None
    try:
        state = watch.activated(shell)
        if state.is_activated:
            fresh = lab.reach(trial.host)
            after = _judge(lab, fresh, trial, state, before)
    except HostFailed as error:
        lab.tell(Progressed(trial.host, f"{error.what}: it goes back by itself unless it answers in time"))
    return _concluded(entered, watch.outcome(fresh), remarks(before, after))


def _judge(lab: Lab, shell: Shell, trial: Trial, state: State, before: Findings) -> Findings:
    """Confirm a system that runs, or have it undone; gives what its checks said."""
    after: Findings = {}
    reason = objection(state)
    if reason is None:
        left = state.seconds_left or 0
        after = lab.look(shell, trial.host, waits_for=worth_waiting_for(before), at_most=left - LAST_SECONDS)
        reason = against(before, after)
    if reason is None:
        lab.tell(Progressed(trial.host, "nothing speaks against it: confirming it"))
        acknowledge(shell, trial)
    else:
        lab.tell(Progressed(trial.host, f"{reason}: going back"))
        abort(shell, trial, reason)
    return after


def _concluded(entered: Entered, outcome: Outcome, failing: tuple[str, ...]) -> Result:
    """Write down how a trial ended, and give what that makes of the machine."""
    is_deployed = outcome.ending is Ending.DEPLOYED
    entered.left(DEPLOYED if is_deployed else str(outcome.ending), outcome.why)
    return Result(
        str(outcome.ending),
        outcome.why,
        outcome.runs,
        outcome.log,
        failing if is_deployed else (),
        is_well=is_deployed,
        needs_a_person=outcome.ending in _NEEDS_A_PERSON,
    )


def written(trial: Trial, before: Findings) -> dict[str, str]:
    """Give what of a trial the journal has while it is under way, so that another program can take it up."""
    order = trial.order
    return {
        "old": order.old,
        "new": order.new,
        "activation_seconds": str(order.activation_seconds),
        "probation_seconds": str(order.probation_seconds),
        "holder": trial.holder,
        "token": trial.token,
        "checks": json.dumps(verdicts(before)),
    }
