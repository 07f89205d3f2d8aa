"""Waiting for what a host makes of a system on trial, while its network, its sshd or all of it may go and come back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.shell import Unreachable
from pyhomelab.trials.activation import hold, state
from pyhomelab.trials.trial import Ending, Outcome, Phase, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyhomelab.shell import Shell
    from pyhomelab.trials.activation import Armed
    from pyhomelab.trials.trial import State

_FIRST_WAIT = 0.1  # most switches take a second: who asks twice a second wastes a quarter of it
_LONGEST_WAIT = 0.5


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody who asks a host how a trial stands until there is an answer, over new connections where old ones break.

    `reach` logs in, `pause` waits; what they raise beside HostFailed ends the watch.
    """

    armed: Armed
    reach: Callable[[], Shell]
    pause: Callable[[float], None] = time.sleep

    def activated(self, shell: Shell | None = None) -> State:
        """Wait until the new system runs, or until it is clear that it will not.

        A shell that is open is asked first, and closed. Raises what kept the host silent, as `outcome` says it, if it
        never answers again.
        """
        return self._until(lambda found: found.is_activated, shell)

    def outcome(self, shell: Shell | None = None) -> Outcome:
        """Wait until the trial is over; a host that never answers again is unreachable, whatever it was told.

        A shell that is open is asked first, and closed.
        """
        try:
            found = self._until(lambda _: False, shell)
        except HostFailed as error:
            return Outcome(Ending.UNREACHABLE, error.what)
        if found.phase is Phase.ROLLBACK_FAILED and found.is_supervised:
            self._hold()
        return self._judged(found) or Outcome(Ending.UNKNOWN)

    def _until(self, is_enough: Callable[[State], bool], shell: Shell | None = None) -> State:
        """Ask until the answer is enough, or the trial over."""
        deadline = time.monotonic() + self.armed.trial.order.patience
        wait = _FIRST_WAIT
        try:
            while True:
                silence: HostFailed = Unreachable("does not come to an end", where=self.armed.trial.host)
                try:
                    shell = shell or self.reach()
                    found = state(shell, self.armed.trial)
                    if is_enough(found) or self._judged(found) is not None:
                        return found
                except HostFailed as error:
                    silence = error
                    if shell is not None:
                        shell.close()
                        shell = None
                if time.monotonic() > deadline:
                    raise silence
                self.pause(wait)
                wait = min(wait * 1.5, _LONGEST_WAIT)
        finally:
            if shell is not None:
                shell.close()

    def _judged(self, found: State) -> Outcome | None:
        return outcome_of(found, self.armed.trial.order, self.armed.boot_id)

    def _hold(self) -> None:
        try:
            shell = self.reach()
            try:
                hold(shell, self.armed.trial)
            finally:
                shell.close()
        except HostFailed:
            return  # then it restarts, which is the other way out
