"""What happens while machines are worked on, as it happens. Whoever shows it is handed each event once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyhomelab.states import BuildFailed, Built, Evaluated, EvaluationFailed


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
class Noted:
    """Something about the whole run that a person should know."""

    sentence: str


Event = Evaluating | AskedAgain | Evaluated | EvaluationFailed | Building | Progressed | Built | BuildFailed | Noted
Tell = Callable[[Event], None]
"""Hands over an event; it may be called from several threads."""
