"""Events as JSON: a line each, as the schema and the documentation say."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from pyhomelab.cli.main import program
from pyhomelab.state.stations import BuildFailed, Built, Evaluated, EvaluationFailed
from pyhomelab.telling.event_json import KINDS, as_json, events_schema
from pyhomelab.telling.events import (
    Advanced,
    AskedAgain,
    Building,
    Evaluating,
    Event,
    HostEnded,
    Noted,
    Progressed,
    RunBegan,
    RunEnded,
    StageBegan,
    StageEnded,
)

DOCS = Path(__file__).parent.parent / "docs/events.md"
MOMENT = datetime(2026, 3, 1, 20, 15, 4, 118_900, UTC)
SCHEMA = jsonschema.Draft202012Validator(events_schema())
ONE_OF_EACH: tuple[Event, ...] = (
    RunBegan("20260301-201504-1a2b", "deploy", ("dl1", "dl2")),
    Evaluating(("dl1",), "nix eval", 1),
    AskedAgain(("dl1",), "nix-eval-jobs gave no answer"),
    Evaluated("dl1", "/nix/store/x.drv", "/nix/store/x"),
    EvaluationFailed("dl1", "error: a\n  at b"),
    Building("dl1"),
    Progressed("dl1", "building linux-6.12"),
    Advanced("dl1", "building", 3, 12, "builds"),
    Built("dl1", "/nix/store/x", is_signed=True),
    BuildFailed("dl1", "error: a"),
    StageBegan("dl1", "copy"),
    StageEnded("dl1", "copy", "copied"),
    HostEnded("dl1", "rolled back", "web.service failed", "/nix/store/x", ("a line", "another"), needs_a_person=True),
    RunEnded("20260301-201504-1a2b", is_well=False),
    Noted("nothing is signed"),
)


def line(event: Event) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(as_json(event, MOMENT))
    return said


def documented() -> dict[str, list[str]]:
    """The keys of each kind, as the table has them."""
    kinds: dict[str, list[str]] = {}
    for name, key in re.findall(r"^\| (?:`([a-z-]+)`)? ?\| (?:`(\w+)`)? ?\|", DOCS.read_text(), re.MULTILINE):
        if name:
            kinds[name] = []
        else:
            kinds[list(kinds)[-1]].append(key)
    return kinds


def test_there_is_one_of_each_kind_here() -> None:
    assert [type(event) for event in ONE_OF_EACH] == list(KINDS.values())


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=KINDS)
def test_a_line_of_each_kind_obeys_the_schema(event: Event) -> None:
    SCHEMA.validate(line(event))


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=KINDS)
def test_a_line_with_an_unknown_key_or_without_a_known_one_does_not(event: Event) -> None:
    assert not SCHEMA.is_valid(line(event) | {"colour": "red"})
    for key in line(event):
        assert not SCHEMA.is_valid({name: value for name, value in line(event).items() if name != key}), key


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "exploded"},
        {"time": "2026-03-01 20:15"},
        {"host": 1},
        {"stage": "bake"},
    ],
)
def test_a_line_with_a_wrong_value_does_not(wrong: dict[str, object]) -> None:
    assert not SCHEMA.is_valid(line(StageBegan("dl1", "copy")) | wrong)


def test_a_line_is_ascii_with_the_time_in_utc_before_all_else() -> None:
    summer = MOMENT.astimezone(timezone(timedelta(hours=2)))
    assert as_json(Progressed("dl1", "building “x”\n"), summer) == (
        '{"time": "2026-03-01T20:15:04.118Z", "event": "progressed", "host": "dl1", '
        '"doing": "building \\u201cx\\u201d\\n"}'
    )


def test_what_is_unknown_is_null_and_what_is_many_is_a_list() -> None:
    said = line(HostEnded("dl1", "left alone"))
    assert (said["runs"], said["log"]) == (None, [])


def test_every_kind_and_every_key_is_documented_in_the_order_in_which_they_are_printed() -> None:
    assert documented() == {name: [field.name for field in fields(kind)] for name, kind in KINDS.items()}
    assert list(documented()) == list(KINDS)


def test_the_lines_of_the_documentation_obey_the_schema() -> None:
    shown = re.findall(r"^\{.*\}$", DOCS.read_text(), re.MULTILINE)
    assert len(shown) == 2
    for text in shown:
        SCHEMA.validate(json.loads(text))


def test_the_schema_explains_every_kind_and_is_printed() -> None:
    assert all(kind["description"] for kind in events_schema()["$defs"].values())
    printed = CliRunner().invoke(program, ["schema", "--events"])
    assert (printed.exit_code, json.loads(printed.output)) == (0, events_schema())
    jsonschema.Draft202012Validator.check_schema(events_schema())
