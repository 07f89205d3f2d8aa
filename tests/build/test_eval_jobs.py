"""nix-eval-jobs: what each of its lines means, as it was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhomelab.nix.budget import Budget
from pyhomelab.nix.eval_jobs import answer, command
from pyhomelab.state.stations import Evaluated, EvaluationFailed

RECORDED = Path(__file__).parent / "recorded/nix-eval-jobs-2.33.1"


def answers(name: str) -> dict[str, Evaluated | EvaluationFailed]:
    found = [answer(line) for line in (RECORDED / f"{name}.jsonl").read_text().splitlines()]
    return {result.host: result for result in found if result is not None}


def cause(result: Evaluated | EvaluationFailed) -> str:
    assert isinstance(result, EvaluationFailed)
    return next(line for line in result.said.splitlines() if line.startswith("error:"))


def test_a_derivation_is_given_with_what_will_come_out() -> None:
    assert answers("answers")["dl1"] == Evaluated(
        "dl1",
        "/nix/store/306lcp5sabim2wxgz69qqinv1s87ng8g-nixos-system-dl1.drv",
        "/nix/store/lqjsm08yd94wmgk2myb0zb96an64la6v-nixos-system-dl1",
    )


def test_the_error_of_a_machine_is_its_own() -> None:
    found = answers("answers")
    assert {host: type(result) for host, result in found.items()} == {
        "dl1": Evaluated,
        "dl2": EvaluationFailed,
        "dl4": Evaluated,
        "dl9": EvaluationFailed,
    }
    assert cause(found["dl2"]) == "error: dl2 has no such option"
    assert cause(found["dl9"]) == "error: attribute 'dl9' missing"
    assert "stack trace truncated" not in found["dl2"].said  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("syntax", "error: syntax error, unexpected end of file"),
        ("recursion", "error: stack overflow; max-call-depth exceeded"),
    ],
)
def test_no_error_of_a_machine_hides_another_machine(name: str, error: str) -> None:
    found = answers(name)
    assert cause(found.pop("dl2")) == error
    assert [type(result) for result in found.values()] == [Evaluated, Evaluated]


@pytest.mark.parametrize("name", ["killed", "pipe"])
def test_a_worker_that_is_killed_takes_the_answers_of_others_with_it(name: str) -> None:
    assert list(answers(name)) == ["dl1"]


def test_a_machine_with_a_dot_in_its_name_is_named_by_its_path() -> None:
    line = '{"attr":"\\"a.b\\"","attrPath":["a.b"],"drvPath":"/x.drv","outputs":{"out":"/x"}}'
    assert answer(line) == Evaluated("a.b", "/x.drv", "/x")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "warning: something",
        "[]",
        "null",
        '{"attr":"","attrPath":[],"error":"error: all"}',
        '{"attr":"a.b","attrPath":["a","b"],"drvPath":"/x.drv","outputs":{"out":"/x"}}',
        '{"attrPath":["a"],"drvPath":"/x.drv","outputs":{}}',
    ],
)
def test_a_line_that_is_about_no_machine_is_no_answer(line: str) -> None:
    assert answer(line) is None


def test_it_is_asked_for_the_machines_alone_and_kept_within_the_memory() -> None:
    argv = command("path:/lab", ["dl1", 'a"${b}'], Budget(workers=3, memory=2048))
    assert argv[0] == "nix-eval-jobs"
    asked = dict(zip(argv[1::2], argv[2::2], strict=True))
    assert asked["--flake"] == "path:/lab#nixosConfigurations"
    assert asked["--select"].endswith('[ "dl1" "a\\"\\${b}" ])')
    assert (asked["--workers"], asked["--max-memory-size"]) == ("3", "2048")
