"""Programs that are started: what is heard of them, and that none is left running."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Thread

import pytest

from pyhomelab.process import Child, Children, CommandFailed, ToolMissing, run


def sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def all_end(pids: list[int]) -> bool:
    """Whether none of them runs any more, or soon."""
    deadline = time.monotonic() + 5
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(map(is_running, pids))


def test_what_a_program_printed_is_given_when_it_ends() -> None:
    done = run(sh("cat; echo aside >&2"), doing="copying", needs="", stdin="text")
    assert (done.stdout, done.stderr) == ("text", "aside\n")


def test_a_failure_says_what_was_done_and_shows_the_last_ten_lines() -> None:
    with pytest.raises(CommandFailed) as caught:
        run(sh("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i >&2; done; exit 3"), doing="counting", needs="")
    assert str(caught.value) == "counting failed (exit 3)\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12"


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(CommandFailed) as caught:
        run(sh("exec sleep 60"), doing="sleeping", needs="", timeout=0.1)
    assert str(caught.value) == "sleeping took longer than 0.1 s"


def test_a_missing_program_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(ToolMissing) as caught:
        run(["no-such-program"], doing="nothing", needs="install it")
    assert str(caught.value) == "no-such-program is not on PATH; install it"
    with (
        Children() as children,
        pytest.raises(ToolMissing) as caught,
        children.running(["no-such-program"], needs="get it"),
    ):
        pass
    assert str(caught.value) == "no-such-program is not on PATH; get it"


def test_lines_are_given_as_they_come(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with Children() as children, children.running(sh(f"echo first; read x <{gate}; echo $x"), needs="") as child:
        lines = child.lines()
        assert next(lines) == "first"  # while the program waits for what is written now
        gate.write_text("second\n")
        assert list(lines) == ["second"]
        assert child.end().exit_code == 0


def test_both_streams_are_heard_however_much_is_said() -> None:
    heard: list[str] = []
    script = "i=0; while [ $i -lt 20000 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done; exit 7"
    with Children() as children, children.running(sh(script), needs="", on_stderr=heard.append) as child:
        lines = list(child.lines())
        ended = child.end()
    assert (len(lines), lines[-1], len(heard), heard[-1]) == (20000, "out19999", 20000, "err19999")
    assert ended.exit_code == 7
    assert ended.stderr.splitlines()[0] == "err19000"  # the last thousand lines are kept


def test_the_environment_is_added_to() -> None:
    with (
        Children() as children,
        children.running(sh("echo $WORD ${PATH:+path}"), needs="", environment={"WORD": "x"}) as one,
    ):
        assert list(one.lines()) == ["x path"]


def test_a_killed_program_is_told_from_one_that_failed() -> None:
    with Children() as children:
        with children.running(sh("kill -9 $$"), needs="") as child:
            assert child.end().was_killed
        with children.running(sh("exit 9"), needs="") as child:
            assert not child.end().was_killed


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_error_in_the_block_stops_the_program_and_what_that_started(error: type[BaseException]) -> None:
    pids: list[int] = []

    def interrupted(child: Child) -> None:
        pids.extend(int(word) for word in next(child.lines()).split())
        raise error

    with (
        pytest.raises(error),
        Children() as children,
        children.running(sh("sleep 60 & echo $$ $!; wait"), needs="") as child,
    ):
        interrupted(child)
    assert len(pids) == 2
    assert all_end(pids)


def test_a_program_that_does_not_heed_the_signal_is_killed_after_three_seconds() -> None:
    with Children() as children:
        with children.running(sh("trap '' TERM; echo $$; while :; do sleep 0.05; done"), needs="") as child:
            pid = int(next(child.lines()))
            started = time.monotonic()
        assert 3 <= time.monotonic() - started < 8
    assert all_end([pid])


def test_what_it_started_and_does_not_heed_the_signal_is_killed_with_it() -> None:
    deaf = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    with Children() as children, children.running(sh(f'sh -c "{deaf}" & echo $!; wait'), needs="") as child:
        lines = child.lines()
        pid = int(next(lines))
        assert next(lines) == "ready"
    assert all_end([pid])


def test_programs_of_other_threads_are_stopped_too_and_no_other_is_started() -> None:
    children, ended = Children(), []

    def wait() -> None:
        with children.running(sh("exec sleep 60"), needs="") as child:
            ended.append(child.end().exit_code)

    threads = [Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    children.stop()
    for thread in threads:
        thread.join(5)
    assert ended == [-15, -15, -15]
    with pytest.raises(CommandFailed, match="was not started"), children.running(sh("true"), needs=""):
        pass


def test_a_program_is_asked_nothing() -> None:
    with Children() as children, children.running(sh("read x; echo got $x; tty"), needs="") as child:
        assert list(child.lines()) == ["got", "not a tty"]
