"""The tables of docs/reliability.md: what became of machines, by what happened to them and when."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from tests.lab.faults import FAULTS, MOMENTS, SYSTEMS, Becomes, Cell, cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MISSING = "not tried"


def expected() -> dict[str, str]:
    """What must become of the machine, by the name of the fault or the system."""
    faults = {str(cell): str(becomes) for cell, becomes in cells().items()}
    return faults | {name: str(system.becomes) for name, system in SYSTEMS.items()}


def measured(junit: str) -> dict[str, str]:
    """What became of the machine, from the report that pytest writes of tests/lab/test_faults.py."""
    names = expected()
    said = {one.get("name", ""): one.get("value", "") for one in ET.fromstring(junit).iter("property")}  # noqa: S314 - our own
    return {name: became for name, became in said.items() if name in names}


def tables(became: Mapping[str, str]) -> list[str]:
    """Both tables, as Markdown."""
    return [_faults(became), _systems(became)]


def with_tables(page: str, new: Iterable[str]) -> str:
    """Put tables into a page, each in the place of the one with the same heading."""
    for table in new:
        heading = table.partition("\n")[0]
        if page.count(f"\n{heading}\n") != 1:
            raise ValueError(f"the page has no table with the heading {heading}")
        start = page.index(heading)
        page = page[:start] + table + page[page.index("\n\n", start) :]
    return page


def reasons() -> list[str]:
    """Why some faults cannot be at some moments, in the order of their numbers in the table."""
    return list(dict.fromkeys(why for row in FAULTS.values() for why in row.cells if isinstance(why, str)))


def _faults(became: Mapping[str, str]) -> str:
    numbers = {why: number for number, why in enumerate(reasons(), start=1)}
    lines = [["what happens", *MOMENTS], ["---"] * (1 + len(MOMENTS))]
    for fault, row in FAULTS.items():
        shown = [
            became.get(str(Cell(fault, moment)), _MISSING) if isinstance(cell, Becomes) else f"({numbers[cell]})"
            for moment, cell in zip(MOMENTS, row.cells, strict=True)
        ]
        lines.append([row.does, *shown])
    return _markdown(lines)


def _systems(became: Mapping[str, str]) -> str:
    lines = [["a new system that …", "becomes of the machine", "because"], ["---"] * 3]
    lines += [[name, became.get(name, _MISSING), system.why] for name, system in SYSTEMS.items()]
    return _markdown(lines)


def _markdown(lines: Iterable[Iterable[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
