"""Which NixOS VM test a test of this folder stands for, and what the end of a test run says of that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

VM_TESTS = Path(__file__).parents[2] / "vm-tests"
_PROPERTY = "mirrors"
_OUTCOMES = ("passed", "failed", "error", "skipped")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test's report names the VM test that its mark `mirrors` does; a mark that names none is a mistake."""
    for item in items:
        for mark in item.iter_markers("mirrors"):
            mirrored = _mirrored(item, mark)
            if (_PROPERTY, mirrored) not in item.user_properties:
                item.user_properties.append((_PROPERTY, mirrored))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each VM test that tests of this run stand for: how many, and what became of them."""
    told = [(outcome, report) for outcome in _OUTCOMES for report in terminalreporter.stats.get(outcome, ())]
    lines = summary((outcome, report.user_properties) for outcome, report in told)
    if lines:
        terminalreporter.section("NixOS VM tests mirrored without nixpkgs")
        for line in lines:
            terminalreporter.line(line)


def summary(reports: Iterable[tuple[str, list[tuple[str, object]]]]) -> list[str]:
    """What became of the tests that stand for each VM test, in the order of their names."""
    counts: dict[str, Counter[str]] = {}
    for outcome, properties in reports:
        for key, mirrored in properties:
            if key == _PROPERTY:
                counts.setdefault(str(mirrored), Counter())[outcome] += 1
    return [
        f"vm-{name}: " + ", ".join(f"{count[outcome]} {outcome}" for outcome in _OUTCOMES if count[outcome])
        for name, count in sorted(counts.items())
    ]


def _mirrored(item: pytest.Item, mark: pytest.Mark) -> str:
    name = str(mark.args[0]).removeprefix("vm-") if mark.args else ""
    if name in {"", "default"} or not (VM_TESTS / f"{name}.nix").is_file():
        raise pytest.UsageError(f"{item.nodeid}: mirrors({name!r}) names no VM test; vm-tests/ has none of that name")
    return name
