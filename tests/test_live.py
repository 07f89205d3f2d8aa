"""The live view, on a real pseudo terminal: what a person sees, and what is left when it ends."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from pyhomelab.cli.telling import teller
from tests.live_script import HOSTS, ask, begin, copy, end, many, remark
from tests.terminal import Screen, Terminal, on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
SCRIPT = [sys.executable, "-m", "tests.live_script"]
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
SPINNING = re.compile(r"^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] ")


@dataclass
class Play:
    """The script on its terminal; it waits for a sign after each step."""

    terminal: Terminal
    signs: int

    def go_on(self) -> None:
        """Give the sign for the next step."""
        os.write(self.signs, b".")

    @property
    def rows(self) -> list[str]:
        """The lines on the screen, with one space between words, and signs and times that do not change."""
        text = self.terminal.screen.text
        lines = [re.sub(r" +", " ", SPINNING.sub("* ", line)) for line in text.splitlines()]
        return [re.sub(r" \d:\d\d$", " 0:00", line) for line in lines]


@contextmanager
def play(*steps: str, size: tuple[int, int] = (24, 100), **environment: str) -> Iterator[Play]:
    """Play steps on a terminal."""
    theirs, ours = os.pipe()
    argv = [*SCRIPT, str(theirs), *steps]
    try:
        with on_terminal(argv, ENVIRONMENT | environment, size=size, hands=[theirs]) as terminal:
            yield Play(terminal, ours)
    finally:
        os.close(theirs)
        os.close(ours)


def test_each_machine_has_one_line_that_changes_in_its_place_and_stays_with_its_end() -> None:
    with play("begin", "copy", "end") as played:
        played.terminal.wait("k8s-1 waiting")
        assert played.rows == ["deploy r1 of 3 machines", "· dl1 waiting", "· dl2 waiting", "· k8s-1 waiting"]
        assert not played.terminal.screen.has_cursor
        played.go_on()
        played.terminal.wait("confirming it")
        assert played.rows == [
            "deploy r1 of 3 machines",
            "* dl1 copying its system ━━━━━╺━━━━━━━━━━━━━━ 30MiB/120MiB 0:00",
            "* dl2 trying its system nothing failed: confirming it 0:00",
            "· k8s-1 waiting",
        ]
        played.go_on()
        played.terminal.wait("rolled back")
        played.go_on()
        assert played.terminal.end() == 0
        assert played.rows == [
            "deploy r1 of 3 machines",
            "✓ dl1 deployed 0:00",
            "✗ dl2 rolled back web.service failed 0:00",
            "· k8s-1 waiting",
            "after it",
        ]
        assert played.terminal.screen.has_cursor


def test_what_is_to_stay_stands_above_the_machines_whoever_writes_it_and_as_it_is() -> None:
    with play("begin", "remark", "stray", "copy") as played:
        played.go_on()
        played.terminal.wait("k8s-1 build failed")  # the machines are drawn, which whoever writes does not know
        played.go_on()
        played.terminal.wait("waiting for dl2")
        played.go_on()
        played.terminal.wait("trying its system")
        assert played.rows[:5] == [
            "deploy r1 of 3 machines",
            "a [red]remark[/] :smile:",
            "k8s-1: build failed",
            "k8s-1: error: a",
            "k8s-1: at b",
        ]
        assert played.rows[5] == "waiting for dl2"
        assert [row.split()[1] for row in played.rows[6:]] == ["dl1", "dl2", "k8s-1"]
        assert b"title" not in played.terminal.raw


def test_a_question_stands_alone_and_what_is_told_meanwhile_comes_after_the_answer() -> None:
    with play("begin", "copy", "ask") as played:
        played.go_on()
        played.terminal.wait("confirming it")
        played.go_on()
        played.terminal.wait("Change 3 machines?")
        before = played.terminal.raw
        played.terminal.read(0.6)  # the view would have been drawn again by now
        assert played.terminal.raw == before
        assert played.rows == ["deploy r1 of 3 machines", "Change 3 machines?"]
        assert played.terminal.screen.has_cursor
        played.terminal.type("yes\n")
        played.terminal.wait("build failed\n")
        played.terminal.wait("k8s-1 build failed")
        assert played.rows[:4] == [
            "deploy r1 of 3 machines",
            "Change 3 machines? yes",
            "the answer was yes",
            "a [red]remark[/] :smile:",
        ]
        assert [row.split()[1] for row in played.rows[-3:]] == ["dl1", "dl2", "k8s-1"]


@pytest.mark.parametrize("steps", [("begin", "copy"), ("begin", "copy", "ask")])
def test_ctrl_c_leaves_the_machines_as_they_were_and_the_terminal_as_it_was(steps: tuple[str, ...]) -> None:
    with play(*steps) as played:
        before = played.terminal.settings
        played.go_on()
        played.terminal.wait("confirming it")
        if "ask" in steps:
            played.go_on()
            played.terminal.wait("Change 3 machines?")
        played.terminal.type("\x03")
        assert played.terminal.end() == -2
        shown = [row for row in played.rows if " dl1 " in row or " dl2 " in row]
        assert [row.split()[:3] for row in shown] == [["·", "dl1", "copying"], ["·", "dl2", "trying"]]
        assert played.terminal.screen.has_cursor
        assert played.terminal.settings == before


def test_however_much_is_told_it_is_drawn_at_most_ten_times_a_second() -> None:
    with play("begin", "hurry") as played:
        played.go_on()
        played.terminal.wait(lambda screen: re.search(r"dl1 +waiting +at \d", screen.text))
        drawn_before = played.terminal.raw.count(b"k8s-1")
        played.go_on()
        assert played.terminal.end() == 0
        drawn = played.terminal.raw.count(b"k8s-1") - drawn_before
        assert 2 <= drawn <= 22, "drawn in two seconds"


def test_of_more_machines_than_lines_those_at_work_are_shown_and_all_at_the_end() -> None:
    with play("begin", "many", size=(10, 100)) as played:
        played.go_on()
        played.terminal.wait("and 35 others")
        assert [row.split()[1] for row in played.rows[1:-1]] == [f"m{number}" for number in range(8)]
        played.go_on()
        assert played.terminal.end() == 0
        assert [row.split()[1] for row in played.rows[1:-1]] == ["dl1", "dl2", "k8s-1", *(f"m{n}" for n in range(40))]


def test_a_narrow_terminal_gets_no_bars_and_no_line_that_is_too_long() -> None:
    with play("begin", "copy", size=(24, 50)) as played:
        played.go_on()
        played.terminal.wait("30MiB/120MiB")
        assert max(map(len, played.terminal.screen.lines)) <= 50
        assert "━" not in played.terminal.screen.text


def test_without_colours_it_is_drawn_without_and_in_ascii_where_nothing_else_can_be_shown() -> None:
    with play("begin", "copy", "end", NO_COLOR="1", PYTHONIOENCODING="ascii") as played:
        for _ in range(3):
            played.go_on()
        assert played.terminal.end() == 0
        assert played.rows[1:4] == [
            "+ dl1 deployed 0:00",
            "x dl2 rolled back web.service failed 0:00",
            ". k8s-1 waiting",
        ]
        assert played.terminal.raw.isascii()
        assert re.search(rb"\x1b\[[0-9;]*3[0-9]", played.terminal.raw) is None
    with play("begin", "copy", "end") as played:
        for _ in range(3):
            played.go_on()
        assert played.terminal.end() == 0
        assert re.search(rb"\x1b\[[0-9;]*3[0-9]", played.terminal.raw) is not None


def read_all(terminal: int, written: list[bytes]) -> None:
    """Read what is written on a terminal until nobody has it open."""
    with suppress(OSError):
        while True:
            written.append(os.read(terminal, 1 << 16))


def test_after_the_view_stderr_is_the_programs_own_again(monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = pty.openpty()
    written: list[bytes] = []
    reader = Thread(target=read_all, args=(leader, written))
    reader.start()
    with os.fdopen(follower, "w", encoding="utf-8") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setattr(sys, "stdin", StringIO("yes\n"))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")
        with teller() as tell:
            assert sys.stderr is not stderr
            for step in (begin, copy, remark, ask, many, end):
                step(tell)
                with tell.paused():
                    assert sys.stderr is stderr
        assert sys.stderr is stderr
    reader.join()
    os.close(leader)
    screen = Screen()
    screen.write(b"".join(written).decode())
    assert [line.split()[1] for line in screen.text.splitlines()[-43:]] == [*HOSTS, *(f"m{n}" for n in range(40))]
    assert screen.has_cursor


PLAIN = """\
deploy r1 of 3 machines
dl1: copying its system
dl2: trying its system
dl2: nothing failed: confirming it
dl2:   and [bold]more[/] of it
a [red]remark[/] :smile:
k8s-1: build failed
k8s-1:   error: a
k8s-1:     at b
dl1: copy: copied
"""


@pytest.mark.parametrize("kind", ["dumb", "unknown", ""])
def test_a_terminal_that_cannot_draw_gets_plain_lines(kind: str) -> None:
    with play("begin", "copy", "remark", "end", TERM=kind) as played:
        for _ in range(4):
            played.go_on()
        assert played.terminal.end() == 0
        assert played.terminal.raw.decode().replace("\r", "") == f"{PLAIN}after it\n"


def test_a_pipe_gets_plain_lines() -> None:
    signs, ours = os.pipe()
    os.write(ours, b"....")
    done = subprocess.run(
        [*SCRIPT, str(signs), "begin", "copy", "remark", "end"],
        env=ENVIRONMENT, capture_output=True, text=True, check=True, pass_fds=[signs],
    )  # fmt: skip
    os.close(signs)
    os.close(ours)
    assert (done.stderr, done.stdout) == (PLAIN, "after it\n")
