"""docs/reliability.md says what the tests of tests/lab/test_faults.py hold, and names no test that is not there."""

from __future__ import annotations

import re

import pytest

from tests.lab.faults import FAULTS, MOMENTS, Becomes
from tests.lab.reliability import expected, measured, reasons, tables, with_tables
from tests.modules.sources import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)


def test_the_page_has_the_tables_of_the_tests() -> None:
    assert with_tables(PAGE, tables(expected())) == PAGE


def test_every_fault_has_a_cell_for_every_moment() -> None:
    assert {len(row.cells) for row in FAULTS.values()} == {len(MOMENTS)}


def test_the_page_says_why_something_cannot_be() -> None:
    for number, why in enumerate(reasons(), start=1):
        assert f"\n{number}. {why[0].upper()}{why[1:]}.\n" in PAGE


def test_no_cell_leaves_a_machine_that_runs_one_system_and_boots_another() -> None:
    cells = [cell for row in FAULTS.values() for cell in row.cells if isinstance(cell, Becomes)]
    assert {cell.system for cell in cells} == {"old", "new"}
    assert all(cell.said == "deployed" for cell in cells if cell.code == 0)


def test_the_page_names_tests() -> None:
    assert len(NAMED) == PAGE.count("::test_")
    assert len(set(NAMED)) == len(NAMED)


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_the_page_names_is_there(file: str, test: str) -> None:
    assert f"\ndef {test}(" in (ROOT / file).read_text()


def test_what_was_measured_is_shown_in_place_of_what_was_expected() -> None:
    report = """<testsuites><testsuite><properties><property name="power in probation" value="new: lost"/>
        <property name="something else" value="x"/></properties><testcase name="a"/></testsuite></testsuites>"""
    assert measured(report) == {"power in probation": "new: lost"}
    faults, systems = tables(expected() | measured(report))
    assert faults != tables(expected())[0]
    assert systems == tables(expected())[1]
    renewed = with_tables(PAGE, [faults, systems])
    assert "| new: lost |" in renewed
    assert len(renewed.splitlines()) == len(PAGE.splitlines())


def test_what_was_not_tried_is_said_to_be_so() -> None:
    faults, systems = tables({})
    assert "not tried" in faults
    assert "not tried" in systems


def test_a_page_without_the_table_is_not_renewed() -> None:
    with pytest.raises(ValueError, match=r"^the page has no table with the heading \| what happens \|"):
        with_tables("# a page\n", tables(expected()))
