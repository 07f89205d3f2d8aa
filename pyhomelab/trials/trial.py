"""A system on trial at a host: what was ordered, how it stands, how it ended.

`host/supervisor.sh` tries the system there and brings the old one back; `host/trial.sh` asks how it stands, all in one
go. Here that answer is read and judged. What a host says is never trusted to be what it should, and no ending is taken
from an exit code: the supervisor's last word and the system that really runs must agree.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pyhomelab.shell.script import raw_rows_of
from pyhomelab.state.hoststate import NoAnswer
from pyhomelab.text.wording import few, harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.shell import Done

UNCONFIRMED = "nobody confirmed it"
"""How the supervisor begins when it says that nothing but the time went against a system."""
PROFILE = "/nix/var/nix/profiles/system"
_GONE = {"inactive", "failed"}  # and not: no answer, which systemd gives while it executes itself anew
_KILL_AFTER = 10
_WAYS_BACK = 3
_RESTART = 600
MOST_UNITS = 8
"""How many units are named before the others are only counted."""


@dataclass(frozen=True, slots=True)
class Order:
    """Try `new` on a host that runs `old`, and make it the default when it has been confirmed.

    The host brings `old` back, by its path and not by a number, if activation takes longer than `activation_seconds`,
    or if nobody confirms within `probation_seconds` after it. A specialisation is a system like any other.
    """

    old: str
    new: str
    profile: str = PROFILE
    activation_seconds: int = 300
    probation_seconds: int = 120

    @property
    def longest(self) -> int:
        """Seconds after which a supervisor that has not ended is hung."""
        return (2 + _WAYS_BACK) * self._switch + 2 * self.probation_seconds + 300

    @property
    def patience(self) -> int:
        """Seconds after which a host from which nothing was heard will not come back by itself: it has restarted."""
        return (1 + _WAYS_BACK) * self._switch + 2 * self.probation_seconds + _RESTART

    @property
    def _switch(self) -> int:
        return self.activation_seconds + _KILL_AFTER


@dataclass(frozen=True, slots=True)
class Trial:
    """An order for one host, in one run, by `holder`; and the word that confirms it, which nobody else knows."""

    host: str
    run_id: str
    order: Order
    holder: str
    token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)


class Phase(StrEnum):
    """What the supervisor is at, or ended with."""

    ARMED = "armed"
    TESTING = "testing"
    PROBATION = "probation"
    COMMITTING = "committing"
    ROLLING_BACK = "rolling-back"
    COMMITTED = "committed"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    ROLLED_BACK = "rolled-back"
    ROLLBACK_FAILED = "rollback-failed"
    RESTARTING = "restarting"


_UNDER_WAY = {Phase.ARMED, Phase.TESTING, Phase.PROBATION, Phase.COMMITTING, Phase.ROLLING_BACK}


@dataclass(frozen=True, slots=True)
class State:
    """How a trial stands. No `phase`: the host knows nothing of it, as after a reboot.

    `code` is what the switch ended with, `why` why it was refused or undone; `seconds_left` for the confirmation.
    `failed` are the units that had failed after the activation, `failed_before` those before it. `log` is the end of
    what the systems' own programs said.
    """

    phase: Phase | None
    code: int | None
    why: str
    seconds_left: int | None
    is_supervised: bool
    boot_id: str
    current: str
    profile: str
    failed_before: frozenset[str]
    failed: frozenset[str]
    boots_unknown: bool
    log: tuple[str, ...]

    @property
    def is_activated(self) -> bool:
        """Whether the new system runs and waits to be judged."""
        return self.phase is Phase.PROBATION

    @property
    def is_under_way(self) -> bool:
        """Whether the supervisor is still at it."""
        return self.phase in _UNDER_WAY and self.is_supervised

    @property
    def newly_failed(self) -> tuple[str, ...]:
        """The units that failed, of those that had not failed before."""
        return tuple(sorted(self.failed - self.failed_before))


class Ending(StrEnum):
    """What became of a trial."""

    DEPLOYED = "deployed"
    MAY_NOT_BOOT = "may not boot"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"
    ROLLED_BACK = "rolled back"
    ROLLBACK_FAILED = "rollback failed"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended, why, the system that the host runs now if that is known, and the last lines of its log."""

    ending: Ending
    why: str = ""
    runs: str | None = None
    log: tuple[str, ...] = ()


def objection(state: State) -> str | None:
    """Say why an activated system should not be confirmed: what failed that had not failed before."""
    failed = state.newly_failed
    if not failed:
        return None
    return f"{few(failed, MOST_UNITS)} failed"


def outcome_of(state: State, order: Order, boot_id: str) -> Outcome | None:
    """Judge a trial that was armed when the host's boot had the id `boot_id`; None while it is not over."""
    if state.phase is None:
        ending, why = _without_word(state, order, boot_id)
    elif state.is_under_way or state.phase is Phase.RESTARTING:
        return None
    elif state.phase in _UNDER_WAY:
        ending, why = Ending.UNKNOWN, f"the supervisor is gone, though it was not done ({state.phase})"
    else:
        ending, why = _by_last_word(state, order)
    return Outcome(ending, why, state.current or None, state.log)


def _without_word(state: State, order: Order, boot_id: str) -> tuple[Ending, str]:
    """Judge by what runs: a reboot has taken the supervisor and its files."""
    if state.boot_id == boot_id:
        return Ending.UNKNOWN, "the host knows nothing of this run"
    if state.current == order.new:
        if state.profile == order.new:
            return Ending.DEPLOYED, "it restarted, and booted the new system"
        return Ending.UNKNOWN, "it restarted, and booted the new system, though that is not its default"
    if state.current == order.old:
        return Ending.ROLLED_BACK, "it restarted before the new system was its default"
    return Ending.UNKNOWN, "it restarted, and booted a third system"


def _by_last_word(state: State, order: Order) -> tuple[Ending, str]:
    """Judge by the supervisor's last word, and by what runs."""
    match state.phase:
        case Phase.COMMITTED if state.current == order.new:
            return Ending.DEPLOYED, ""
        case Phase.ROLLED_BACK if state.current == order.old and state.boots_unknown:
            return Ending.MAY_NOT_BOOT, f"{state.why}, and it took the old system neither, which runs again"
        case Phase.ROLLED_BACK if state.current == order.old:
            return Ending.ROLLED_BACK, state.why
        case Phase.ROLLBACK_FAILED:
            return Ending.ROLLBACK_FAILED, state.why
        case Phase.REFUSED:
            return Ending.REFUSED, _refusal(state)
        case Phase.SUPERSEDED:
            return Ending.OVERTAKEN, "somebody activated another system meanwhile, which was left alone"
    return Ending.UNKNOWN, f"the supervisor said {state.phase}, but the host runs something else now"


_REFUSALS: Mapping[int | None, str] = {
    0: "the supervisor was stopped before it began",
    1: "its own checks do not allow the switch",
    11: "another switch is at work there",
    100: "its init is another one, which only a restart can change",
    126: "its switch-to-configuration cannot be run",
    127: "its switch-to-configuration cannot be run",
}


def _refusal(state: State) -> str:
    return _REFUSALS.get(state.code, f"the switch ended with {state.code}")


def state_of(name: str, done: Done) -> State:
    """Read what `host/trial.sh` printed; raises NoAnswer if it is no answer."""
    answer = raw_rows_of(done)
    if answer is None:
        said = [line for line in harmless(f"{done.stderr}\n{done.stdout}").split("\n") if line.strip()]
        raise NoAnswer(
            f"did not say how the new system stands (exit {done.exit_code}), but: {said[0] if said else 'nothing'}",
            where=name,
        )
    try:
        uptime = int(answer["boot"][0][1])
        word, _, rest = (answer["state"][0][0] if answer["state"] else "").partition(" ")
        phase = Phase(word) if word else None
        facts = {key: harmless(value) for key, value in answer["fact"]}
        deadline = facts.get("deadline")
        return State(
            phase=phase,
            code=int(rest) if phase in {Phase.PROBATION, Phase.REFUSED} else None,
            why=harmless(rest),
            seconds_left=max(0, int(deadline) - uptime) if deadline and phase is Phase.PROBATION else None,
            is_supervised=answer["unit"][0][0] not in _GONE,
            boot_id=harmless(answer["boot"][0][0]),
            current=harmless(answer["current"][0][0]),
            profile=harmless(answer["profile"][0][0]),
            failed_before=frozenset(facts.get("before", "").split()),
            failed=frozenset(facts.get("failed", "").split()),
            boots_unknown="boots" in facts,
            log=tuple(harmless("\t".join(words)) for words in answer["log"]),
        )
    except (ValueError, IndexError):
        raise NoAnswer("said something that makes no sense of how the new system stands", where=name) from None
