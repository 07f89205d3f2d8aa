"""A host that reboots into a system: how that stands, whether something speaks against the system, how it ended.

`host/proof.sh` decides on the host: it boots the new system once, waits there for a word, and makes the system the
default only then; else the host reboots into the old one. `host/proof-state.sh` asks how it stands. The order is a
`Trial`, whose `probation_seconds` count from the moment at which the booted system can run a service.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pyhomelab.shell.script import last_words, rows_of
from pyhomelab.state.hoststate import NoAnswer
from pyhomelab.text.wording import few
from pyhomelab.trials.trial import MOST_UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyhomelab.shell import Done
    from pyhomelab.state.hoststate import HostState
    from pyhomelab.trials.trial import Order

BOOT_SECONDS = 600
"""How long a machine may take from one system to the next; servers test their memory first."""
_GONE = {"inactive", "failed"}
_SHUTDOWN = 300
_NO_SECOND_CHANCE = "its boot loader starts no system just once, so there was no second chance had it not come up"


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
_ON_ITS_WAY = {RebootPhase.REBOOTING, RebootPhase.GOING_BACK}


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


def way_back(state: HostState, before: str) -> str:
    """Give the system to come back to from one that runs already: what the host has booted, which is known to come up.

    Where it keeps that no more, it is what ran `before`. For one that is booted instead of tried, that holds anyway.
    """
    booted = state.booted.path if state.booted is not None else None
    return next((kept.path for kept in state.generations if kept.path == booted), before)


def patience(order: Order, boot_seconds: int = BOOT_SECONDS) -> int:
    """Seconds after which a host from which nothing was heard will not come back by itself, with either system."""
    there = 3 * order.activation_seconds + _SHUTDOWN + boot_seconds
    back = order.probation_seconds + 2 * order.activation_seconds + _SHUTDOWN + boot_seconds
    return there + back


def objection(state: RebootState) -> str | None:
    """Say why a booted system should not become the default: what failed, or does not start, that did before."""
    failed = sorted(state.failed - state.failed_before)
    if failed:
        return f"{few(failed, MOST_UNITS)} failed"
    if not state.is_settled and state.systemd_before not in ("initializing", "starting"):
        waiting = f", waiting for {few(state.starting, MOST_UNITS)}" if state.starting else ""
        return f"it does not come to the end of its start{waiting}"
    return None


def rebooted(state: RebootState, order: Order) -> Rebooted | None:
    """Judge a reboot by what the host says of it; None while it is not over."""
    if state.phase is None:
        ending, why = RebootEnding.UNKNOWN, "the host knows nothing of this reboot"
    elif state.phase in _UNDER_WAY:
        if state.is_supervised or state.is_back or state.phase in _ON_ITS_WAY:
            return None
        ending, why = RebootEnding.UNKNOWN, f"what was to reboot it is gone, though it was not done ({state.phase})"
    else:
        ending, why = _by_last_word(state, order)
    return Rebooted(ending, why, state.current or None, state.log)


def _by_last_word(state: RebootState, order: Order) -> tuple[RebootEnding, str]:
    """Judge by the host's last word, and by what it runs and has booted."""
    runs = {state.current, state.booted}
    match state.phase:
        case RebootPhase.PROVEN if runs == {order.new} and state.is_back:
            return RebootEnding.REBOOTED, "" if state.is_once else _NO_SECOND_CHANCE
        case RebootPhase.UNCOMMITTED if runs == {order.new}:
            return RebootEnding.BOOTS_OLD, _sure(state)
        case RebootPhase.ROLLED_BACK if runs == {order.old}:
            return RebootEnding.ROLLED_BACK, _sure(state)
        case RebootPhase.ROLLBACK_FAILED:
            return RebootEnding.ROLLBACK_FAILED, state.why
        case RebootPhase.REFUSED:
            return RebootEnding.REFUSED, _sure(state)
        case RebootPhase.SUPERSEDED:
            return RebootEnding.OVERTAKEN, "it runs a third system by now, which was left alone"
    return RebootEnding.UNKNOWN, f"the host said {state.phase}, but runs something else now"


def _sure(state: RebootState) -> str:
    return f"{state.why}; whether it boots at all is not certain" if state.boots_unknown else state.why


def lost(silence: str, last: RebootState | None, order: Order) -> Rebooted:
    """Say of a host that did not come back what is known, and what a person at its console can do."""
    if last is None or last.phase is None or last.is_once is None:
        way_out = f"look at its console; {order.old} is what it ran before"
    elif last.is_once:
        way_out = "switch it off and on: its boot loader starts the old system again"
    else:
        way_out = f"at its console, choose generation {last.old_generation} in the boot menu"
    return Rebooted(RebootEnding.UNREACHABLE, f"did not come back ({silence}); {way_out}")


def reboot_state_of(name: str, done: Done) -> RebootState:
    """Read what `host/proof-state.sh` printed; raises NoAnswer if it is no answer."""
    answer = rows_of(done)
    if answer is None:
        raise NoAnswer(f"did not say how its reboot stands (exit {done.exit_code}): {last_words(done)}", where=name)
    try:
        return _state(answer)
    except (ValueError, IndexError):
        raise NoAnswer("said something that makes no sense of how its reboot stands", where=name) from None


def _state(answer: Mapping[str, Sequence[Sequence[str]]]) -> RebootState:
    boot_id, uptime = answer["boot"][0]
    word, _, rest = (answer["state"][0][0] if answer["state"] else "").partition(" ")
    phase = RebootPhase(word) if word else None
    facts: dict[str, str] = {row[0]: row[1] for row in answer["fact"]}
    is_deadline = phase is RebootPhase.WAITING and "deadline" in facts
    return RebootState(
        phase=phase,
        why=rest,
        began_in=facts.get("began_in", ""),
        boot_id=boot_id,
        is_supervised=any(unit not in _GONE for (unit,) in answer["unit"]),
        is_once=facts["once"] == "yes" if "once" in facts else None,
        old_generation=facts.get("old_generation", ""),
        seconds_left=max(0, int(facts["deadline"]) - int(uptime)) if is_deadline else None,
        current=answer["current"][0][0],
        booted=answer["booted"][0][0],
        profile=answer["profile"][0][0],
        systemd=answer["systemd"][0][0],
        systemd_before=facts.get("systemd_before", ""),
        starting=tuple(unit for (unit,) in answer["starting"]),
        failed_before=frozenset(facts.get("before", "").split()),
        failed=frozenset(unit for (unit,) in answer["failed"]),
        boots_unknown=facts.get("boots") == "unknown",
        log=tuple(" ".join(line) for line in answer["log"]),
    )
