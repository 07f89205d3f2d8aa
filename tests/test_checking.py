"""All checks of a machine in one go: by this machine's shell, as a host would run them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pyhomelab.checks import Check
from pyhomelab.health import checking
from pyhomelab.health.checking import examine
from pyhomelab.shell import Done
from pyhomelab.state.hoststate import NoAnswer
from tests.checks.asking import SHELLS, Here

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=SHELLS)
def here(tmp_path: Path, request: pytest.FixtureRequest) -> Here:
    (tmp_path / "bin").mkdir()
    return Here(tmp_path / "bin", {"/run/pyhomelab-checks": str(tmp_path / "run")}, by=request.param)


def check(name: str, script: str, *, patience: int = 10, limit: int = 20) -> Check:
    return Check(name, "declared", script, patience, "`mend` it", limit=limit)


def verdicts(here: Here, *checks: Check, waits: bool = False) -> dict[str, tuple[str, str]]:
    found = examine(here, "dl1", checks, waits=waits)
    assert [finding.check for finding in found.values()] == list(checks)
    return {name: (finding.verdict, finding.said) for name, finding in found.items()}


def test_every_check_ends_for_itself(here: Here) -> None:
    assert verdicts(
        here,
        check("well", "true"),
        check("ill", "echo 'it is ill' >&2; exit 1"),
        check("absent", "echo 'there is none'; exit 69"),
        check("silent", "exit 3"),
        check("elsewhere", "echo 'it may run there'; exit 68"),
    ) == {
        "well": ("holds", ""),
        "ill": ("fails", "it is ill"),
        "absent": ("not run", "there is none"),
        "silent": ("fails", "exit 3"),
        "elsewhere": ("not run", "it may run there"),
    }
    assert len(here.asked) == 1


def test_only_what_may_be_elsewhere_need_not_be_told_here(here: Here) -> None:
    checks = check("absent", "exit 69"), check("elsewhere", "exit 68"), check("ill", "sleep 1; exit 1")
    found = examine(here, "dl1", checks, waits=False)
    assert [finding.is_due for finding in found.values()] == [True, False, True]
    assert found["ill"].seconds in (1, 2)


def test_a_script_that_no_shell_can_read_fails_alone(here: Here) -> None:
    found = verdicts(here, check("broken", "if"), check("well", "true"))
    assert [verdict for verdict, _ in found.values()] == ["fails", "holds"]


def test_no_checks_are_no_question(here: Here) -> None:
    assert examine(here, "dl1", [], waits=True) == {}
    assert here.asked == []


def test_a_check_is_at_home_where_root_is_whoever_logs_in(here: Here) -> None:
    assert verdicts(here, check("home", 'echo "$HOME $(pwd)"')) == {"home": ("holds", "/root /")}


def test_nothing_is_left_behind(here: Here, tmp_path: Path) -> None:
    verdicts(here, check("well", "true"), check("hangs", "exec sleep 60", limit=1))
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_checks_run_side_by_side(here: Here) -> None:
    began = time.monotonic()
    assert set(verdicts(here, *(check(str(n), "sleep 2") for n in range(6))).values()) == {("holds", "")}
    assert time.monotonic() - began < 9


@pytest.mark.parametrize("script", ["sleep 60", "trap '' TERM; while :; do sleep 1; done", "sleep 60 & wait"])
def test_a_check_that_hangs_is_cut_and_holds_up_no_other(here: Here, script: str) -> None:
    began = time.monotonic()
    assert verdicts(here, check("hangs", f"echo 'asking it'; {script}", limit=1), check("well", "true")) == {
        "hangs": ("fails", "asking it; it did not end within 1 s"),
        "well": ("holds", ""),
    }
    assert time.monotonic() - began < 20


def test_what_a_check_leaves_running_does_not_hold_it_up_for_ever(here: Here) -> None:
    began = time.monotonic()
    assert verdicts(here, check("leaves", "setsid sleep 60 & exit 0", limit=1)) == {"leaves": ("holds", "")}
    assert time.monotonic() - began < 20


def test_a_check_that_kills_itself_is_not_said_to_have_hung(here: Here) -> None:
    assert verdicts(here, check("dies", "kill -KILL $$")) == {"dies": ("fails", "exit 137")}


def test_the_last_lines_are_the_reason_and_no_more_of_a_flood(here: Here) -> None:
    flood = "n=0; while [ $n -lt 20000 ]; do n=$((n + 1)); echo line $n; done; exit 1"
    assert verdicts(here, check("flood", flood)) == {"flood": ("fails", "line 19998; line 19999; line 20000")}


def test_what_a_check_says_steers_no_terminal_and_speaks_for_no_other(here: Here) -> None:
    lies = "printf 'a\\tb\\033[31mc\\n\\nend\\ncheck\\t2\\t0\\t0\\n'; exit 1"
    assert verdicts(here, check("lies", lies), check("ill", "exit 1")) == {
        "lies": ("fails", "a bc; end; check 2 0 0"),
        "ill": ("fails", "exit 1"),
    }


def test_a_check_reads_nothing_of_what_was_sent(here: Here) -> None:
    assert verdicts(here, check("reads", "cat"), check("well", "true")) == {
        "reads": ("holds", ""),
        "well": ("holds", ""),
    }


def test_what_does_not_hold_yet_is_asked_again_and_nothing_else(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_AGAIN", 0.1)
    count = f"echo x >>{tmp_path}/asked; [ $(wc -l <{tmp_path}/asked) -ge 3 ]"
    checks = check("late", count), check("well", f"echo x >>{tmp_path}/well"), check("absent", "exit 69")
    assert verdicts(here, *checks, waits=True) == {
        "late": ("holds", ""),
        "well": ("holds", ""),
        "absent": ("not run", ""),
    }
    assert len(here.asked) == 3
    assert (tmp_path / "well").read_text() == "x\n"


def test_who_waits_hears_what_is_waited_for_whenever_it_is_less(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_AGAIN", 0.1)
    late = "echo x >>{place}; [ $(wc -l <{place}) -ge {times} ]"
    checks = [check(name, late.format(place=tmp_path / name, times=times)) for name, times in (("a", 3), ("b", 5))]
    heard: list[list[str]] = []
    examine(here, "dl1", checks, waits=True, on_wait=lambda failing: heard.append([one.check.name for one in failing]))
    assert heard == [["a", "b"], ["b"]]


def test_who_does_not_wait_asks_once(here: Here) -> None:
    assert verdicts(here, check("ill", "exit 1", patience=300)) == {"ill": ("fails", "exit 1")}
    assert len(here.asked) == 1


def test_patience_comes_to_an_end(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_AGAIN", 0.2)
    assert verdicts(here, check("ill", "exit 1", patience=1), waits=True) == {"ill": ("fails", "exit 1")}
    assert 2 <= len(here.asked) <= 6


def test_only_those_named_are_waited_for_and_for_no_longer_than_there_is_time(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_AGAIN", 0.2)
    checks = check("ill", "exit 1", patience=300), check("lost", "echo lost; exit 1", patience=300)
    found = examine(here, "dl1", checks, waits={"ill"}, at_most=1)
    assert [finding.verdict for finding in found.values()] == ["fails", "fails"]
    assert 2 <= len(here.asked) <= 6
    assert ["lost" in asked for asked in here.asked] == [True] + [False] * (len(here.asked) - 1)


@dataclass
class Says:
    """A shell of a host that says one thing, whatever it is asked."""

    done: Done

    def run(self, script: str, *, timeout: float) -> Done:
        """Say it."""
        assert script.startswith("set -- ")
        assert timeout > 0
        return self.done

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("done", "sentence"),
    [
        (Done(127, "", "sh: not found\n"), "dl1: did not run its checks (exit 127), but said: sh: not found"),
        (Done(0, "", ""), "dl1: did not run its checks (exit 0), but said: nothing"),
        (Done(0, "begin\t1\n", ""), "dl1: did not run its checks (exit 0), but said: begin 1"),
        (Done(0, "end\nbegin\t1\n", ""), "dl1: did not run its checks (exit 0), but said: begin 1"),
        (Done(0, "begin\t1\ncheck\t1\t0\t0\nend\n", ""), "dl1: answered 1 of 2 checks"),
        (Done(0, "begin\t1\ncheck\t1\t0\t0\ncheck\t9\t0\t0\nend\n", ""), "dl1: answered 1 of 2 checks"),
        (Done(0, "begin\t1\ncheck\tx\t0\t0\nend\n", ""), "dl1: answered its checks with something that makes no sense"),
    ],
)
def test_an_answer_that_is_none_is_said_to_be_so(done: Done, sentence: str) -> None:
    with pytest.raises(NoAnswer) as raised:
        examine(Says(done), "dl1", [check("one", "true"), check("two", "true")], waits=True)
    assert str(raised.value) == sentence


def test_what_a_login_shell_says_around_the_answer_is_passed_over() -> None:
    said = "Welcome!\nbegin\t1\ncheck\t1\t0\t0\nend\nBye\n"
    found = examine(Says(Done(0, said, "")), "dl1", [check("one", "true")], waits=False)
    assert found["one"].verdict == "holds"
