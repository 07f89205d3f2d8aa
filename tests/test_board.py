"""The rows of machines at work: what each is at, how far, and how long it has been worked on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pyhomelab.state.stations import BuildFailed, Built, Evaluated, EvaluationFailed
from pyhomelab.telling.board import Board, Mark, Row
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


@dataclass
class Clock:
    """A clock that goes on when it is told to."""

    now: float = 100.0

    def __call__(self) -> float:
        """The time on it."""
        return self.now


def heard(*events: Event) -> Row:
    """The row of dl1 after these events."""
    board = Board(Clock())
    for event in events:
        board.hear(event)
    return board.rows["dl1"]


@pytest.mark.parametrize(
    ("event", "mark", "stage", "detail"),
    [
        (RunBegan("r", "deploy", ("dl1",)), Mark.WAITING, "waiting", ""),
        (Evaluating(("dl1",), "nix eval", 1), Mark.WORKING, "evaluating", ""),
        (Evaluated("dl1", "d", "o"), Mark.WAITING, "evaluated", ""),
        (EvaluationFailed("dl1", "error: a"), Mark.UNWELL, "evaluation failed", ""),
        (Building("dl1"), Mark.WORKING, "building", ""),
        (Built("dl1", "o", is_signed=True), Mark.WELL, "built", ""),
        (BuildFailed("dl1", "error: a"), Mark.UNWELL, "build failed", ""),
        (StageBegan("dl1", "activate"), Mark.WORKING, "trying its system", ""),
        (StageEnded("dl1", "copy", "copied"), Mark.WAITING, "copied", ""),
        (StageEnded("dl1", "activate", "refused", "why"), Mark.WAITING, "refused", "why"),
        (HostEnded("dl1", "deployed", is_well=True), Mark.WELL, "deployed", ""),
        (HostEnded("dl1", "rolled back", "web failed"), Mark.UNWELL, "rolled back", "web failed"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str | Mark) else "",
)
def test_a_row_shows_what_is_done_to_a_machine_or_became_of_it(
    event: Event, mark: Mark, stage: str, detail: str
) -> None:
    row = heard(event)
    assert (row.mark, row.stage, row.detail) == (mark, stage, detail)


def test_the_detail_is_what_was_last_heard_and_goes_with_its_stage() -> None:
    events = (StageBegan("dl1", "activate"), Progressed("dl1", "waiting"), Progressed("dl1", "confirming it"))
    assert heard(*events).detail == "confirming it"
    assert heard(*events, StageEnded("dl1", "activate", "deployed")).detail == ""


def test_of_several_counts_the_first_that_is_not_complete_is_shown() -> None:
    fetching = Advanced("dl1", "fetching", 5, 10, "bytes")
    fetched = Advanced("dl1", "fetching", 10, 10, "bytes")
    begun = Advanced("dl1", "building", 1, 3, "builds")
    done = Advanced("dl1", "building", 3, 3, "builds")
    assert heard(Building("dl1")).count is None
    assert heard(Building("dl1"), fetching, begun).count == fetching
    assert heard(Building("dl1"), fetching, begun, fetched).count == begun
    assert heard(Building("dl1"), fetched, done).count == done
    assert heard(Building("dl1"), fetched, done, StageBegan("dl1", "copy")).count is None


def test_seconds_count_while_a_machine_is_worked_on_and_not_while_it_waits() -> None:
    clock = Clock()
    board = Board(clock)
    board.hear(StageBegan("dl1", "copy"))
    clock.now += 7
    assert board.rows["dl1"].elapsed(clock()) == 7
    board.hear(StageEnded("dl1", "copy", "copied"))
    clock.now += 100
    board.hear(StageBegan("dl1", "activate"))
    clock.now += 2
    board.hear(HostEnded("dl1", "deployed", is_well=True))
    clock.now += 50
    assert board.rows["dl1"].elapsed(clock()) == 9


def test_rows_are_in_the_order_in_which_machines_were_first_heard_of() -> None:
    board = Board(Clock())
    board.hear(RunBegan("r", "deploy", ("dl3", "dl1")))
    board.hear(StageBegan("dl1", "copy"))
    board.hear(StageBegan("dl2", "copy"))
    assert list(board.rows) == ["dl3", "dl1", "dl2"]


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (RunBegan("r1", "rollback", ("dl1",)), ["rollback r1 of 1 machine"]),
        (Noted("nothing is signed"), ["nothing is signed"]),
        (Evaluating(("dl1",), "nix eval", 1), ["evaluating 1 machine with nix eval, 1 at a time"]),
        (AskedAgain(("dl1",), "killed"), ["dl1: asked again: killed"]),
        (EvaluationFailed("dl1", "error: a"), ["dl1: evaluation failed", "dl1:   error: a"]),
        (BuildFailed("dl1", "error: a"), ["dl1: build failed", "dl1:   error: a"]),
        (Progressed("dl1", "warning: no signature"), ["dl1: warning: no signature"]),
        (Progressed("dl1", "building linux"), []),
        (Advanced("dl1", "building", 1, 2, "builds"), []),
        (StageEnded("dl1", "activate", "rolled back", "why"), []),
        (RunEnded("r1", is_well=True), []),
    ],
)
def test_what_no_row_can_show_is_a_line_above_them(event: Event, lines: list[str]) -> None:
    assert Board(Clock()).hear(event) == lines
