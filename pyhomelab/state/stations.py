"""What became of a machine's system on its way to the machine: each stage takes what the one before gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A system that Nix knows how to build: its derivation, and the store path that will come out."""

    host: str
    drv_path: str
    out_path: str


@dataclass(frozen=True, slots=True)
class EvaluationFailed:
    """A machine whose configuration has an error; `said` are the lines that explain it."""

    host: str
    said: str


@dataclass(frozen=True, slots=True)
class Built:
    """A system that is in the store of this machine, or of its own; and whether it bears the lab's signature."""

    host: str
    toplevel: str
    is_signed: bool
    is_on_host: bool = False


@dataclass(frozen=True, slots=True)
class BuildFailed:
    """A system that could not be built; `said` are the lines that explain it."""

    host: str
    said: str
