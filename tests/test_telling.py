"""Telling to a log or to a program: each event at once and whole, and an output that breaks stops no work."""

from __future__ import annotations

import json
import os
import select
import sys
from contextlib import contextmanager
from io import StringIO
from threading import Thread
from typing import TYPE_CHECKING

import jsonschema
import pytest

from pyhomelab.cli.telling import teller
from pyhomelab.state.stations import EvaluationFailed
from pyhomelab.telling.event_json import events_schema
from pyhomelab.telling.events import Noted, Progressed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.telling.events import Tell


@contextmanager
def a_pipe_as(stream: str, *, is_read: bool) -> Iterator[int]:
    """Let sys.stdout or sys.stderr be a pipe, whose reader may have gone."""
    theirs, ours = os.pipe()
    if not is_read:
        os.close(theirs)
    with pytest.MonkeyPatch.context() as patch, os.fdopen(ours, "w", closefd=False) as pipe:
        patch.setattr(sys, stream, pipe)
        yield theirs
        if not is_read:
            os.close(ours)
            os.dup2(os.open(os.devnull, os.O_WRONLY), ours)  # what was not written goes nowhere
    os.close(ours)
    if is_read:
        os.close(theirs)


def test_each_line_of_json_is_there_as_soon_as_it_is_told() -> None:
    with a_pipe_as("stdout", is_read=True) as pipe, teller(json_events=True) as tell:
        for number in range(3):
            tell(Noted(f"number {number}"))
            assert select.select([pipe], [], [], 0)[0]
            line = json.loads(os.read(pipe, 1 << 12))
            jsonschema.Draft202012Validator(events_schema()).validate(line)
            assert (line["event"], line["sentence"]) == ("noted", f"number {number}")


def test_json_leaves_stderr_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with teller(json_events=True) as tell, tell.paused():
        tell(Noted("something"))
    assert capsys.readouterr().err == ""


def work(done: list[int], *, json_events: bool, stops: BaseException | None = None) -> None:
    """Tell what is done, until something stops the work."""
    with teller(json_events=json_events) as tell:
        for number in range(3):
            tell(Noted(f"number {number}"))
            done.append(number)
        if stops is not None:
            raise stops


@pytest.mark.parametrize("json_events", [True, False])
def test_an_output_that_takes_no_more_stops_no_work_and_is_an_error_at_the_end(*, json_events: bool) -> None:
    done: list[int] = []
    with a_pipe_as("stdout" if json_events else "stderr", is_read=False), pytest.raises(BrokenPipeError):
        work(done, json_events=json_events)
    assert done == [0, 1, 2]


def test_what_stopped_the_work_is_said_rather_than_that_nobody_listened() -> None:
    done: list[int] = []
    with a_pipe_as("stdout", is_read=False), pytest.raises(KeyboardInterrupt):
        work(done, json_events=True, stops=KeyboardInterrupt())
    assert done == [0, 1, 2]


def fail_often(tell: Tell, host: str) -> None:
    for _ in range(200):
        tell(EvaluationFailed(host, "1\n2\n3"))


def test_lines_of_events_that_threads_tell_at_the_same_time_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    with teller() as tell:
        threads = [Thread(target=fail_often, args=(tell, host)) for host in ("dl1", "dl2", "dl3")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = stderr.getvalue().splitlines()
    assert len(lines) == 3 * 200 * 4
    for first in range(0, len(lines), 4):
        host = lines[first][:3]
        assert lines[first : first + 4] == [
            f"{host}: evaluation failed", f"{host}:   1", f"{host}:   2", f"{host}:   3",
        ]  # fmt: skip


def test_a_line_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with teller() as tell:
        tell(Progressed("dl1", "at \x1b[2J\x07\x1b]0;title\x07it"))
    assert capsys.readouterr().err == "dl1: at it\n"
