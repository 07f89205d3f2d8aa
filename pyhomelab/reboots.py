"""A host that reboots into a system: how that stands, whether something speaks against the system, how it ended.

`host/proof.sh` decides on the host: it boots the new system once, waits there for a word, and makes the system the
default only then; else the host reboots into the old one. `host/proof-state.sh` asks how it stands. The order is a
`Trial`, whose `probation_seconds` count from the moment at which the booted system can run a service.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pyhomelab.hoststate import NoAnswer
from pyhomelab.wording import harmless, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyhomelab.shell import Done
    from pyhomelab.trial import Order

BOOT_SECONDS = 600
"""How long a machine may take from one system to the next; servers test their memory first."""
_GONE = {"inactive", "failed"}
_SHUTDOWN = 300
_MOST_UNITS = 8


class Mode(StrEnum):
    """When a deploy reboots a machine: `needed` where only that brings all of its new system."""

    NEVER = "never"
    NEEDED = "needed"
    ALWAYS = "always"


class RebootPhase(StrEnum):
    """What a host is at, or ended with."""

    ARMED = "armed"
    PREPARING = "preparing"
    REBOOTING = "rebooting"
    WAITING = "waiting"
    PROVING = "proving"
    GOING_BACK = "going-back"
    REFUSED = "refused"
    PROVEN = "proven"
    UNCOMMITTED = "uncommitted"
    ROLLED_BACK = "rolled-back"
    ROLLBACK_FAILED = "rollback-failed"
    SUPERSEDED = "superseded"


_UNDER_WAY = {
    RebootPhase.ARMED,
    RebootPhase.PREPARING,
    RebootPhase.REBOOTING,
    RebootPhase.WAITING,
    RebootPhase.PROVING,
    RebootPhase.GOING_BACK,
}


@dataclass(frozen=True, slots=True)
class RebootState:
    """How a reboot stands. No `phase`: the host knows nothing of that run.

    `began_in` is the id of the boot in which it was begun, `boot_id` that of the present one. `is_once` says whether
    the boot loader starts the new system only once; `old_generation` is the one that it starts otherwise. `systemd` is
    what `systemctl is-system-running` says, `starting` what it still waits for.
    """

    phase: RebootPhase | None
    why: str
    began_in: str
    boot_id: str
    is_supervised: bool
    is_once: bool | None
    old_generation: str
    seconds_left: int | None
    current: str
    booted: str
    profile: str
    systemd: str
    systemd_before: str
    starting: tuple[str, ...]
    failed_before: frozenset[str]
    failed: frozenset[str]
    boots_unknown: bool
    log: tuple[str, ...]

    @property
    def is_back(self) -> bool:
        """Whether the host has booted since the reboot began."""
        return self.began_in not in ("", self.boot_id)

    @property
    def is_waiting(self) -> bool:
        """Whether the new system runs and waits to be judged."""
        return self.phase is RebootPhase.WAITING and self.is_back

    @property
    def is_settled(self) -> bool:
        """Whether systemd has started what it starts at boot."""
        return self.systemd not in ("initializing", "starting", "")

    @property
    def is_left_alone(self) -> bool:
        """Whether the host came back, but nobody there knows that it has to be decided about: it must be started."""
        return self.phase in _UNDER_WAY and self.is_back and not self.is_supervised


class RebootEnding(StrEnum):
    """What became of a reboot."""

    REBOOTED = "rebooted"
    BOOTS_OLD = "runs the new system, boots the old one"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"
    ROLLED_BACK = "rolled back"
    ROLLBACK_FAILED = "rollback failed"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


_NEEDS_A_PERSON = {
    RebootEnding.BOOTS_OLD,
    RebootEnding.ROLLBACK_FAILED,
    RebootEnding.UNREACHABLE,
    RebootEnding.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Rebooted:
    """How a reboot ended, why, the system that the host runs now if that is known, and the last lines of its log."""

    ending: RebootEnding
    why: str = ""
    runs: str | None = None
    log: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether the host runs and boots the new system."""
        return self.ending is RebootEnding.REBOOTED

    @property
    def needs_a_person(self) -> bool:
        """Whether somebody has to look after the host."""
        return self.ending in _NEEDS_A_PERSON


def patience(order: Order, boot_seconds: int = BOOT_SECONDS) -> int:
    """Seconds after which a host from which nothing was heard will not come back by itself, with either system."""
    raise NotImplementedError


def objection(state: RebootState) -> str | None:
    """Say why a booted system should not become the default: what failed, or does not start, that did before."""
    raise NotImplementedError


def rebooted(state: RebootState, order: Order) -> Rebooted | None:
    """Judge a reboot by what the host says of it; None while it is not over."""
    raise NotImplementedError


def lost(silence: str, last: RebootState | None, order: Order) -> Rebooted:
    """Say of a host that did not come back what is known, and what a person at its console can do."""
    raise NotImplementedError


def reboot_state_of(name: str, done: Done) -> RebootState:
    """Read what `host/proof-state.sh` printed; raises NoAnswer if it is no answer."""
    raise NotImplementedError


def hindrances(running: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """Say what keeps a host from switching to a system without a reboot: it must be booted instead of tried.

    Both hold the text of files of a system by name: `init-interface-version`, `switch-inhibitors` (JSON). One that is
    missing hinders nothing.
    """
    raise NotImplementedError
