"""Waiting for a host that reboots: for the new system to be judged, or for the old one, or for nothing any more."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.shell import Unreachable
from pyhomelab.trials.reboot import abandon, begin, decide_there, prove, reboot_state
from pyhomelab.trials.reboots import BOOT_SECONDS, Rebooted, RebootEnding, lost, objection, patience, rebooted

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyhomelab.shell import Shell
    from pyhomelab.trials.reboot import Begun
    from pyhomelab.trials.reboots import RebootState
    from pyhomelab.trials.trial import Trial

_ASK_AGAIN = 1.0


class NotBack(Unreachable):
    """A host was asked until no answer could come any more; `last` is how it stood when it last answered."""

    def __init__(self, silence: HostFailed, last: RebootState | None) -> None:
        super().__init__(silence.what, where=silence.where, hint=silence.hint)
        self.last = last


@dataclass(frozen=True, slots=True)
class Comeback:
    """Somebody who asks a host how its reboot stands, over new connections where old ones break.

    `reach` logs in, `pause` waits; what they raise beside HostFailed ends the wait.
    """

    begun: Begun
    reach: Callable[[], Shell]
    boot_seconds: int = BOOT_SECONDS
    pause: Callable[[float], None] = time.sleep

    def back(self) -> RebootState:
        """Wait until the new system runs and has started its services, or until it is clear that it will not.

        Half of the time that the host waits for a word is given to the services. Raises NotBack if the host never
        answers again.
        """
        enough = self.begun.trial.order.probation_seconds // 2
        return self._until(lambda s: s.is_waiting and (s.is_settled or (s.seconds_left or 0) <= enough))

    def outcome(self) -> Rebooted:
        """Wait until the reboot is over; a host that never answers again is unreachable."""
        try:
            found = self._until(lambda _: False)
        except NotBack as error:
            return lost(error.what, error.last, self.begun.trial.order)
        return rebooted(found, self.begun.trial.order) or Rebooted(RebootEnding.UNKNOWN)

    def _until(self, is_enough: Callable[[RebootState], bool]) -> RebootState:
        """Ask until the answer is enough, or the reboot over."""
        trial = self.begun.trial
        deadline = time.monotonic() + patience(trial.order, self.boot_seconds)
        last: RebootState | None = None
        while True:
            try:
                with closing(self.reach()) as shell:
                    last = reboot_state(shell, trial.host, trial.run_id, trial.order.profile)
                    if is_enough(last) or rebooted(last, trial.order) is not None:
                        return last
                    if last.is_left_alone:
                        decide_there(shell, trial.host)
                silence: HostFailed = Unreachable("does not come to an end", where=trial.host)
            except HostFailed as error:
                silence = error
            if time.monotonic() > deadline:
                raise NotBack(silence, last)
            self.pause(_ASK_AGAIN)


def reboot(
    trial: Trial,
    reach: Callable[[], Shell],
    judge: Callable[[], str | None],
    *,
    boot_seconds: int = BOOT_SECONDS,
    tell: Callable[[str], None] = lambda _: None,
) -> Rebooted:
    """Have a host boot the new system of a trial, judge it there, and make it the default or go back.

    `judge` says what speaks against the booted system, after that it has no newly failed units; None if nothing does.
    `tell` hears what goes on. Raises NotArmed, or why it cannot be reached, and leaves the host as it is, if the reboot
    cannot begin.
    """
    with closing(reach()) as shell:
        comeback = Comeback(begin(shell, trial), reach, boot_seconds)
    tell("rebooting into its system")
    return follow(comeback, judge, tell=tell)


def follow(
    comeback: Comeback, judge: Callable[[], str | None], *, tell: Callable[[str], None] = lambda _: None
) -> Rebooted:
    """Bring a reboot to its end that was begun, maybe by a program that died: wait, judge, hand over the word, hear.

    For a reboot of another program, `Begun` needs its trial, word and all, and the `began_in` of `reboot_state`.
    """
    trial = comeback.begun.trial
    try:
        found = comeback.back()
        if found.is_waiting:
            against = objection(found) or judge()
            with closing(comeback.reach()) as shell:
                if against is None:
                    tell("it is back, and nothing failed: confirming it")
                    prove(shell, trial)
                else:
                    tell(f"{against}: going back")
                    abandon(shell, trial, against)
    except HostFailed as error:
        tell(f"{error.what}: it goes back by itself unless it answers in time")
    return comeback.outcome()
