"""A machine's turn in a run: its system is copied, tried, judged, and confirmed or undone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyhomelab.deployment.booting import restarted
from pyhomelab.deployment.probation import follow, written
from pyhomelab.deployment.runs import Result, enter, quietly
from pyhomelab.errors import HomelabError, HostFailed
from pyhomelab.nix.transfer import copy_to
from pyhomelab.planning.waves import LEFT_ALONE
from pyhomelab.state.hoststate import NoAnswer
from pyhomelab.trials.activation import arm, forget, keep
from pyhomelab.trials.reboots import Mode
from pyhomelab.trials.refusals import Collected, HostChanged, NotArmed
from pyhomelab.trials.trial import Order, Trial

if TYPE_CHECKING:
    from concurrent.futures import Future

    from pyhomelab.deployment.rollout import Change
    from pyhomelab.deployment.runs import Entered, Lab
    from pyhomelab.health.comparison import Findings
    from pyhomelab.shell import Shell
    from pyhomelab.trials.activation import Armed

STOPPED = "the deploy was stopped"


def bring(lab: Lab, change: Change) -> None:
    """Have a machine hold on to its system, and copy it there; raises HostFailed."""
    entered = enter(lab, change.host, "copy")
    try:
        with lab.shell(change.host) as shell:
            keep(shell, change.host, lab.run_id, change.new)
            if lab.continues is not None:
                forget(shell, lab.continues)
        if lab.copies:
            copy_to(lab.machines[change.host], lab.machines, change.new, lab.children, lab.tell)
    except HostFailed as error:
        entered.left(error.kind, error.what)
        raise
    entered.left("copied")


def take_turn(lab: Lab, change: Change, brought: Future[None]) -> Result:
    """Try the system on its machine as soon as it is there; gives what became of the machine."""
    try:
        brought.result()
        if lab.stop.is_set():
            return Result(LEFT_ALONE, STOPPED, change.old)
        return _changed(lab, change)
    except HostFailed as error:
        quietly(lab, change.host, lambda shell: forget(shell, lab.run_id))
        return Result(error.kind, error.what, None if isinstance(error, HostChanged) else change.old)
    except HomelabError as error:
        # Ctrl-C ends the programs that copy; else a stage could not be written down, so it was not begun.
        return Result(LEFT_ALONE, STOPPED if lab.stop.is_set() else str(error), change.old)


def _changed(lab: Lab, change: Change) -> Result:
    """Bring a machine to a system that is there: by a switch, by a boot, or by the one and then the other."""
    is_booted = change.is_active or bool(change.needs_boot)
    with lab.shell(change.host) as shell:
        before = _looked(lab, shell, change.host)
        result = None if is_booted else follow(lab, *_begun(lab, shell, change, before), before, shell)
    if result is None:
        return restarted(lab, change, before)
    if result.is_well and (lab.reboot is Mode.ALWAYS or (lab.reboot is Mode.NEEDED and change.reboot_for)):
        try:
            return restarted(lab, change, before)
        except HostFailed as error:
            return replace(result, why=f"but not rebooted: {error.where}: {error.what}", is_well=False)
    return result


def _looked(lab: Lab, shell: Shell, host: str) -> Findings:
    """Ask a machine how it is before anything is changed; one that cannot say that is left as it is."""
    try:
        return lab.look(shell, host)
    except NoAnswer as error:
        raise NotArmed(f"cannot be asked how it is: {error.what}", where=host) from None


def _begun(lab: Lab, shell: Shell, change: Change, before: Findings) -> tuple[Entered, Armed]:
    """Have a machine try its system by itself; one that was collected meanwhile is brought there again."""
    limits = lab.limits
    order = Order(change.old, change.new, activation_seconds=limits.activation, probation_seconds=limits.probation)
    trial = Trial(change.host, lab.run_id, order, lab.holder)
    entered = enter(lab, change.host, "activate", written(trial, before))
    try:
        try:
            return entered, arm(shell, trial)
        except Collected:
            if not lab.copies:
                raise
            bring(lab, change)
            return entered, arm(shell, trial)
    except HostFailed as error:
        entered.left(error.kind, error.what)
        raise
