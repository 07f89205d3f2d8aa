"""What happens while machines are worked on, as it happens. Whoever shows it is handed each event once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pyhomelab.states import BuildFailed, Built, Evaluated, EvaluationFailed

Stage = Literal["copy", "activate", "drain", "reboot", "uncordon"]
"""What is done to a machine that is deployed to, in this order; only the first two always."""


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
class Noted:
    """Something about the whole run that a person should know."""

    sentence: str


Event = (
    Evaluating
    | AskedAgain
    | Evaluated
    | EvaluationFailed
    | Building
    | Progressed
    | Built
    | BuildFailed
    | StageBegan
    | StageEnded
    | Noted
)
Tell = Callable[[Event], None]
"""Hands over an event; it may be called from several threads."""
