"""What happens while machines are worked on, as it happens. Whoever shows it is handed each event once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pyhomelab.state.stations import BuildFailed, Built, Evaluated, EvaluationFailed

Stage = Literal[
    "copy",
    "activate",
    "drain",
    "reboot",
    "uncordon",
    "kexec",
    "erase",
    "mount",
    "install",
    "restart",
    "first boot",
    "verify",
]
"""What is done to a machine that is deployed to, up to `uncordon`, or installed, from `kexec` on, in this order.

Of a deploy only the first two are always there; `mount` stands for an `erase` that was done before the machine was
started anew; `verify` is for itself.
"""

Doing = Literal["copying", "fetching", "building"]
"""What takes long: bringing a system to its machine, getting parts of it from elsewhere, building the rest."""

Unit = Literal["bytes", "builds"]
"""What progress is counted in: bytes that are copied, or derivations that are built."""


@dataclass(frozen=True, slots=True)
class RunBegan:
    """A run over machines begins, with the id by which the journal and the machines know it."""

    run_id: str
    kind: Literal["deploy", "rollback", "install"]
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run ended; how each of its machines ended has been said."""

    run_id: str
    is_well: bool


@dataclass(frozen=True, slots=True)
class Evaluating:
    """Nix begins to evaluate machines, so many of them at once."""

    hosts: tuple[str, ...]
    program: str
    at_once: int


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """Machines that got no answer are evaluated once more, each by itself."""

    hosts: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Building:
    """Nix begins to build the system of a machine."""

    host: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """Nix told what it is at, for one machine."""

    host: str
    doing: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """How far Nix is with a machine's `copying`, `fetching` or `building`; what is expected can still change."""

    host: str
    doing: Doing
    done: int
    expected: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class StageBegan:
    """A machine enters a stage of its deploy, such as `copy`."""

    host: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class StageEnded:
    """A machine left a stage: `outcome` in two words as the journal has it, and why if it did not go well."""

    host: str
    stage: Stage
    outcome: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class HostEnded:
    """What became of a machine in the end, in two words, and why; `log` are the last lines that explain it.

    `runs` is the system that it runs now, as far as that is known.
    """

    host: str
    became: str
    why: str = ""
    runs: str | None = None
    log: tuple[str, ...] = ()
    is_well: bool = False
    needs_a_person: bool = False


@dataclass(frozen=True, slots=True)
class Noted:
    """Something about the whole run that a person should know."""

    sentence: str


Event = (
    RunBegan
    | Evaluating
    | AskedAgain
    | Evaluated
    | EvaluationFailed
    | Building
    | Progressed
    | Advanced
    | Built
    | BuildFailed
    | StageBegan
    | StageEnded
    | HostEnded
    | RunEnded
    | Noted
)
Tell = Callable[[Event], None]
"""Hands over an event; it may be called from several threads."""
