"""Machines are evaluated side by side, and each gets exactly one answer, whatever dies on the way."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyhomelab.model.units import GiB
from pyhomelab.nix.budget import budget
from pyhomelab.nix.evaluation import FlakeFailed, evaluate
from pyhomelab.process import Children
from pyhomelab.state.stations import Evaluated, EvaluationFailed
from pyhomelab.telling.events import AskedAgain, Evaluating, Event
from tests.flakes import needs_nix

if TYPE_CHECKING:
    from tests.build.labs import NixLab

pytestmark = [pytest.mark.nix, needs_nix]

RECORDED = Path(__file__).parent / "recorded/nix-eval-jobs-2.33.1"
PROGRAMS = ["nix eval", "nix-eval-jobs"]


class Evaluator:
    """The stage over a lab, on a PATH of which the test decides."""

    def __init__(self, lab: NixLab, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab, self.programs, self.events = lab, programs, list[Event]()
        self.everywhere = os.environ["PATH"]
        programs.mkdir()
        self.link("nix")
        for name, value in lab.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
        # However small this machine is: two at a time.
        monkeypatch.setattr("pyhomelab.nix.evaluation.own_budget", lambda hosts: budget(hosts, 2, 64 * GiB))

    def link(self, name: str) -> None:
        """Put the real program on the PATH."""
        found = shutil.which(name, path=self.everywhere)
        if found is None:
            pytest.skip(f"{name} is not on PATH")
        (self.programs / name).symlink_to(found)

    def stand_in(self, name: str, script: str) -> None:
        """Put a script on the PATH in place of a program."""
        (self.programs / name).unlink(missing_ok=True)
        (self.programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.programs / name).chmod(0o755)

    def replay(self, name: str, exit_code: int) -> None:
        """Let nix-eval-jobs say what was recorded of it."""
        record = RECORDED / name
        self.stand_in("nix-eval-jobs", f"cat {record}.jsonl; cat {record}.stderr >&2; exit {exit_code}")

    def answers(self, *hosts: str) -> dict[str, Evaluated | EvaluationFailed]:
        """Evaluate machines; each is answered for once."""
        with Children() as children:
            found = list(evaluate(f"path:{self.lab.root}", hosts, children, self.events.append))
        assert sorted(one.host for one in found) == sorted(hosts)
        return {one.host: one for one in found}

    @property
    def asked_again(self) -> list[tuple[tuple[str, ...], str]]:
        """Who was asked again, and why."""
        return [(event.hosts, event.because) for event in self.events if isinstance(event, AskedAgain)]


@pytest.fixture
def evaluator(lab: NixLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluator:
    return Evaluator(lab, tmp_path / "programs", monkeypatch)


@pytest.fixture(params=PROGRAMS)
def real(evaluator: Evaluator, request: pytest.FixtureRequest) -> Evaluator:
    """The stage with each of the real programs that it can use."""
    if request.param == "nix-eval-jobs":
        evaluator.link("nix-eval-jobs")
    return evaluator


def said(result: Evaluated | EvaluationFailed) -> str:
    assert isinstance(result, EvaluationFailed)
    return result.said


def test_what_comes_out_is_known_before_it_is_built(real: Evaluator) -> None:
    found = real.answers("dl1", "dl2", "dl3")["dl2"]
    assert isinstance(found, Evaluated)
    assert Path(found.drv_path).is_file()
    assert re.fullmatch(rf"{os.environ['NIX_STORE_DIR']}/\w{{32}}-nixos-system-dl2", found.out_path)
    assert not Path(found.out_path).exists()


def test_the_error_of_one_machine_is_not_that_of_another(real: Evaluator) -> None:
    real.lab.set_up("dl2", 'toplevel = throw "dl2 has no such option";')
    (real.lab.root / "hosts/dl3/extra.nix").write_text("{ toplevel = \n")
    found = real.answers("dl1", "dl2", "dl3")
    assert isinstance(found["dl1"], Evaluated)
    assert said(found["dl2"]).endswith("error: dl2 has no such option")
    assert "error: syntax error, unexpected end of file" in said(found["dl3"])


def test_a_machine_that_is_no_derivation_is_not_left_without_an_answer(real: Evaluator) -> None:
    real.lab.set_up("dl2", "toplevel = 3;")
    found = real.answers("dl1", "dl2")
    assert isinstance(found["dl1"], Evaluated)
    assert said(found["dl2"]).endswith("error: expected a set but found an integer: 3")


def test_only_the_machines_that_are_asked_for_are_looked_at(real: Evaluator) -> None:
    real.lab.set_up("dl2", 'toplevel = abort "nobody asked";')
    assert isinstance(real.answers("dl1")["dl1"], Evaluated)


def test_a_machine_that_the_flake_does_not_have_is_an_error_of_its_own(real: Evaluator) -> None:
    found = real.answers("dl1", "dl22")
    assert isinstance(found["dl1"], Evaluated)
    assert said(found["dl22"]) == "the flake has no nixosConfigurations.dl22; did you mean dl2?"


def test_an_error_of_the_flake_is_no_error_of_a_machine(real: Evaluator) -> None:
    (real.lab.root / "nix/lab.nix").write_text('_: throw "the inputs are too old"\n')
    with pytest.raises(FlakeFailed) as caught:
        real.answers("dl1", "dl2")
    lines = str(caught.value).splitlines()
    assert (lines[0], lines[-1]) == ("the flake cannot be evaluated", "error: the inputs are too old")
    assert real.events == []


def test_it_is_said_what_evaluates_how_many_at_once(evaluator: Evaluator) -> None:
    evaluator.answers("dl1")
    evaluator.replay("answers", 0)
    evaluator.answers("dl1", "dl2")
    first, second = (event for event in evaluator.events if isinstance(event, Evaluating))
    assert first == Evaluating(("dl1",), "nix eval", 1)
    assert (second.hosts, second.program) == (("dl1", "dl2"), "nix-eval-jobs")


def test_answers_are_given_as_they_come(evaluator: Evaluator, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    line = '{"attrPath":["%s"],"drvPath":"/%s.drv","outputs":{"out":"/%s"}}'
    evaluator.stand_in(
        "nix-eval-jobs",
        f"echo '{line.replace('%s', 'dl1')}'; read x <{tmp_path}/gate; echo '{line.replace('%s', 'dl2')}'",
    )
    with Children() as children:
        coming = evaluate(f"path:{evaluator.lab.root}", ["dl1", "dl2"], children, evaluator.events.append)
        assert next(coming).host == "dl1"  # dl2 is still evaluated
        (tmp_path / "gate").write_text("go\n")
        assert [one.host for one in coming] == ["dl2"]


@pytest.mark.parametrize(
    ("recording", "exit_code", "because"),
    [
        (
            "killed",
            1,
            "nix-eval-jobs gave no answer (error: while reading result for attrPath 'dl2', evaluation worker got "
            "killed by SIGKILL, maybe memory limit reached?)",
        ),
        (
            "pipe",
            1,
            "nix-eval-jobs gave no answer (error: BUG: while reading result for attrPath 'dl2', worker pipe got "
            "closed but evaluation worker still running?)",
        ),
        ("killed", 0, "nix-eval-jobs gave no answer"),
    ],
)
def test_machines_without_an_answer_are_asked_again_by_themselves(
    evaluator: Evaluator, recording: str, exit_code: int, because: str
) -> None:
    evaluator.replay(recording, exit_code)
    found = evaluator.answers("dl1", "dl2", "dl3")
    assert all(isinstance(one, Evaluated) for one in found.values())
    assert evaluator.asked_again == [(("dl2", "dl3"), because)]


def test_a_run_that_answers_nothing_is_made_up_for(evaluator: Evaluator) -> None:
    evaluator.replay("busy", 1)
    found = evaluator.answers("dl1", "dl2")
    assert all(isinstance(one, Evaluated) for one in found.values())
    assert evaluator.asked_again[0][0] == ("dl1", "dl2")


def test_a_nix_eval_jobs_that_does_not_know_an_option_is_made_up_for(evaluator: Evaluator) -> None:
    evaluator.stand_in("nix-eval-jobs", """echo "error: unrecognised flag '--select'" >&2; exit 1""")
    assert isinstance(evaluator.answers("dl1")["dl1"], Evaluated)
    assert evaluator.asked_again == [(("dl1",), "nix-eval-jobs gave no answer (error: unrecognised flag '--select')")]


def test_a_nix_eval_jobs_that_is_killed_as_a_whole_is_made_up_for(evaluator: Evaluator) -> None:
    evaluator.stand_in("nix-eval-jobs", f"cat {RECORDED}/killed.jsonl; kill -9 $$")
    assert isinstance(evaluator.answers("dl1", "dl2")["dl2"], Evaluated)
    assert evaluator.asked_again == [(("dl2",), "nix-eval-jobs was killed, most likely for want of memory")]


def test_an_exit_code_without_a_missing_answer_means_nothing(evaluator: Evaluator) -> None:
    evaluator.replay("answers", 1)
    assert isinstance(evaluator.answers("dl1", "dl2")["dl1"], Evaluated)
    assert evaluator.asked_again == []


def dies(evaluator: Evaluator, host: str, times: int) -> None:
    """Let `nix eval` be killed so many times when it is asked for a machine."""
    real, count = (evaluator.programs / "nix").readlink(), evaluator.programs / "count"
    evaluator.stand_in(
        "nix",
        f'case "$*" in *{host}*) echo x >>{count}; [ $(wc -l <{count}) -gt {times} ] || kill -9 $$;; esac\nexec {real} "$@"',
    )


def test_an_evaluation_that_is_killed_has_another_try_while_no_other_runs(evaluator: Evaluator) -> None:
    dies(evaluator, "dl2", 1)
    found = evaluator.answers("dl1", "dl2", "dl3")
    assert all(isinstance(one, Evaluated) for one in found.values())
    assert evaluator.asked_again == [(("dl2",), "nix eval was killed, most likely for want of memory")]


def test_an_evaluation_that_is_killed_again_fails_and_the_others_do_not(evaluator: Evaluator) -> None:
    dies(evaluator, "dl2", 9)
    found = evaluator.answers("dl1", "dl2", "dl3")
    assert said(found.pop("dl2")) == "nix eval was killed though it ran alone, most likely for want of memory"
    assert all(isinstance(one, Evaluated) for one in found.values())
