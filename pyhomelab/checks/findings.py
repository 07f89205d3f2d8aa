"""What was found of checks, before a change and after it: what speaks against the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.checks.check import Check

Verdict = Literal["holds", "fails", "not run"]


@dataclass(frozen=True, slots=True)
class Finding:
    """How a check ended on its machine, and what it said last: the reason, unless it holds.

    `seconds` is how long its last run took. Of those not run, one `is_due` unless what it asks about may be elsewhere.
    """

    check: Check
    verdict: Verdict
    said: str
    seconds: int = 0
    is_due: bool = True

    def __str__(self) -> str:
        said = f": {self.said}" if self.said and self.verdict != "holds" else ""
        return f"{self.check.name}: {self.verdict}{said}"


def objections(before: Mapping[str, Finding], after: Mapping[str, Finding]) -> tuple[str, ...]:
    """Say what speaks against a change: what fails after it and did not before, or cannot be told any more.

    What failed before is no objection, nor is what could not be told and still cannot be.
    """
    return tuple(_objection(before, found) for name, found in after.items() if _is_worse(before.get(name), found))


def worth_waiting_for(before: Mapping[str, Finding]) -> frozenset[str]:
    """Name the checks that may well hold after a change: those that did not fail before it."""
    return frozenset(name for name, found in before.items() if found.verdict != "fails")


def still_failing(before: Mapping[str, Finding], after: Mapping[str, Finding]) -> tuple[str, ...]:
    """Name the checks that fail after a change as they did before it."""
    return tuple(
        name
        for name, found in after.items()
        if found.verdict == "fails" and name in before and before[name].verdict == "fails"
    )


def _is_worse(before: Finding | None, after: Finding) -> bool:
    was = before.verdict if before is not None else "not run"
    return (after.verdict == "fails" and was != "fails") or (after.verdict == "not run" and was == "holds")


def _objection(before: Mapping[str, Finding], found: Finding) -> str:
    was = before.get(found.check.name)
    word = "cannot be told" if found.verdict == "not run" else "not"
    when = "any more" if was is not None and was.verdict == "holds" else "so"
    return f"{found.check.name}: {word} {when} ({found.said or 'no reason was given'})"
