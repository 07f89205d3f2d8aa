"""Waiting for a host that reboots: for the new system to be judged, or for the old one, or for nothing any more."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.reboots import BOOT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyhomelab.reboots import Rebooted, RebootState
    from pyhomelab.shell import Shell
    from pyhomelab.stages.reboot import Begun
    from pyhomelab.trial import Trial


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

        Raises what kept the host silent, as `outcome` says it, if it never answers again.
        """
        raise NotImplementedError

    def outcome(self) -> Rebooted:
        """Wait until the reboot is over; a host that never answers again is unreachable."""
        raise NotImplementedError


def reboot(
    trial: Trial,
    reach: Callable[[], Shell],
    judge: Callable[[], str | None],
    *,
    boot_seconds: int = BOOT_SECONDS,
    pause: Callable[[float], None] = time.sleep,
) -> Rebooted:
    """Have a host boot the new system of a trial, judge it there, and make it the default or go back.

    `judge` says what speaks against the booted system, after that it has no newly failed units; None if nothing does.
    Raises NotArmed, and leaves the host as it is, if something speaks against the reboot.
    """
    raise NotImplementedError
