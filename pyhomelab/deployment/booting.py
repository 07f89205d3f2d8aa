"""A machine that is rebooted in its turn: its nodes are emptied, it proves itself, and they are opened again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyhomelab.checks import worth_waiting_for
from pyhomelab.deployment.journal import DEPLOYED
from pyhomelab.deployment.probation import LAST_SECONDS, written
from pyhomelab.deployment.runs import Result, enter
from pyhomelab.errors import HostFailed
from pyhomelab.health.comparison import against, remarks
from pyhomelab.planning.drains import nodes_taken_down
from pyhomelab.telling.events import Noted, Progressed
from pyhomelab.trials.comeback import Comeback, follow, reboot
from pyhomelab.trials.draining import drain, left_closed, open_again
from pyhomelab.trials.reboot import has_second_chance, reboot_state
from pyhomelab.trials.reboots import RebootEnding
from pyhomelab.trials.trial import Order, Trial

if TYPE_CHECKING:
    from pyhomelab.deployment.rollout import Change
    from pyhomelab.deployment.runs import Entered, Lab
    from pyhomelab.health.comparison import Findings
    from pyhomelab.trials.draining import Drains
    from pyhomelab.trials.reboot import Begun
    from pyhomelab.trials.reboots import Rebooted

_AFTER_BOOT = 3
"""How many times as long as after a switch a machine waits to be told that all is well: all its services start anew."""


def restarted(lab: Lab, change: Change, before: Findings) -> Result:
    """Reboot a machine into its system; raises HostFailed, and leaves it as it is, if that cannot begin."""
    host = change.host
    drains = _drained(lab, host)
    is_rebooted = False
    try:
        limits = lab.limits
        waits = _AFTER_BOOT * limits.probation
        order = Order(change.proven, change.new, activation_seconds=limits.activation, probation_seconds=waits)
        trial = Trial(host, lab.run_id, order, lab.holder)
        _warn(lab, host)
        entered = enter(lab, host, "reboot", written(trial, before))
        judge = Judge(lab, trial, before)
        try:
            ended = reboot(trial, lambda: lab.reach(host), judge, boot_seconds=limits.boot, tell=judge.tell)
        except HostFailed as error:
            entered.left(error.kind, error.what)
            raise
        is_rebooted = ended.ending is not RebootEnding.REFUSED
        result = _concluded(entered, ended, judge)
    finally:
        opened = _opened(lab, host, drains, is_rebooted=is_rebooted)
    return result if opened is None else _closed_still(result, opened)


def followed(lab: Lab, entered: Entered, begun: Begun, before: Findings) -> Result:
    """Bring a reboot to its end that another program began."""
    host = begun.trial.host
    judge = Judge(lab, begun.trial, before)
    ended = follow(Comeback(begun, lambda: lab.reach(host), lab.limits.boot), judge, tell=judge.tell)
    return _concluded(entered, ended, judge)


def open_what_is_left(lab: Lab, host: str) -> None:
    """Open the nodes that a run closed that was cut short."""
    drains = left_closed(nodes_taken_down(lab.inventory, host))
    if drains.drained and (why := _opened(lab, host, drains, is_rebooted=False)):
        lab.tell(Noted(f"{host}: {why}"))


class Judge:
    """What the checks say of a machine that booted: called, it gives what speaks against it."""

    def __init__(self, lab: Lab, trial: Trial, before: Findings) -> None:
        self._lab, self._trial, self._before = lab, trial, before
        self._after: Findings = {}

    def __call__(self) -> str | None:
        """Ask the machine over a new connection; raises HostFailed."""
        host, trial = self._trial.host, self._trial
        with self._lab.shell(host) as shell:
            state = reboot_state(shell, host, trial.run_id, trial.order.profile)
            left = (state.seconds_left or 0) - LAST_SECONDS
            self._after = self._lab.look(shell, host, waits_for=worth_waiting_for(self._before), at_most=left)
        return against(self._before, self._after)

    def tell(self, doing: str) -> None:
        """Say what goes on."""
        self._lab.tell(Progressed(self._trial.host, doing))

    @property
    def remarks(self) -> tuple[str, ...]:
        """The checks that fail though they do not speak against the system."""
        return remarks(self._before, self._after)


def _concluded(entered: Entered, ended: Rebooted, judge: Judge) -> Result:
    became = DEPLOYED if ended.is_well else str(ended.ending)
    entered.left(became, ended.why)
    return Result(
        became,
        ended.why or ("and rebooted" if ended.is_well else ""),
        ended.runs,
        ended.log,
        judge.remarks if ended.is_well else (),
        is_well=ended.is_well,
        needs_a_person=ended.needs_a_person,
    )


def _warn(lab: Lab, host: str) -> None:
    """Say of a machine that it would not come back from a system that hangs early."""
    with lab.shell(host) as shell:
        if not has_second_chance(shell, host):
            doing = (
                "its boot loader starts nothing only once: if it does not come up, choose the old system at its console"
            )
            lab.tell(Progressed(host, doing))


def _drained(lab: Lab, host: str) -> Drains | None:
    nodes = nodes_taken_down(lab.inventory, host)
    if not nodes:
        return None
    entered = enter(lab, host, "drain")
    try:
        drains = drain(nodes, lab.run_id, lab.reach)
    except HostFailed as error:
        entered.left(error.kind, error.what)
        raise
    for said in drains.said:
        lab.tell(Progressed(host, said))
    entered.left("drained", "; ".join(drains.said))
    return drains


def _opened(lab: Lab, host: str, drains: Drains | None, *, is_rebooted: bool) -> str | None:
    """Open nodes again; gives why one is closed still."""
    if drains is None or not drains.drained:
        return None
    entered = enter(lab, host, "uncordon")
    try:
        open_again(drains, lab.reach, is_rebooted=is_rebooted)
    except HostFailed as error:
        why = "; ".join(filter(None, (error.what, error.hint)))
        entered.left(error.kind, why)
        return why
    entered.left("uncordoned")
    return None


def _closed_still(result: Result, why: str) -> Result:
    return replace(result, why="; ".join(filter(None, (result.why, why))), is_well=False)
