"""A system that is on a host → the system that it booted, or the old one again.

The host decides by itself, as for a system on trial: whoever began the reboot may die, and the network stay away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyhomelab.reboots import RebootState
    from pyhomelab.shell import Shell
    from pyhomelab.trial import Order, Trial


@dataclass(frozen=True, slots=True)
class Begun:
    """A reboot that a host has begun, in the boot of that id."""

    trial: Trial
    boot_id: str


def hindered_by(shell: Shell, host: str, order: Order) -> tuple[str, ...]:
    """Ask a host that has both systems what keeps it from switching to the new one; then it has to boot it.

    The shell is root's, as for all that follows.
    """
    raise NotImplementedError


def begin(shell: Shell, trial: Trial) -> Begun:
    """Have a host boot the new system of a trial; said again, it changes nothing.

    The host may run the old system (the new one is booted instead of tried) or the new one (a reboot brings its
    kernel). Raises NotArmed, and leaves the host as it is, if something speaks against it.
    """
    raise NotImplementedError


def reboot_state(shell: Shell, host: str, run_id: str, profile: str) -> RebootState:
    """Ask how a reboot stands or ended, whoever began it; raises NoAnswer if the host talks nonsense."""
    raise NotImplementedError


def prove(new_shell: Shell, trial: Trial) -> None:
    """Say that all is well, over a connection made after the reboot: the new system becomes the default."""
    raise NotImplementedError


def abandon(shell: Shell, trial: Trial, reason: str) -> None:
    """Have the host reboot into the old system now, and say why."""
    raise NotImplementedError


def decide_there(shell: Shell, host: str) -> None:
    """Start what decides on the host, where the booted system did not do that by itself."""
    raise NotImplementedError
