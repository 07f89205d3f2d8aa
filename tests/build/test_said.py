"""What of Nix's words reaches a person: the cause, whole, and little else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhomelab.text.said import progress, why_not_built, why_not_evaluated
from tests.modules.harness import EvaluationError, evaluate, needs_nixpkgs_lib

RECORDED = Path(__file__).parent / "recorded"
STORE = "/nix/store/qz468q4ay59ccm34pbsd1gn98n4x0wyk"


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


def test_of_an_evaluation_the_last_steps_and_the_cause_are_shown() -> None:
    assert why_not_evaluated(recorded("evaluation-2.34.8.txt")) == (
        "… while calling the 'throw' builtin\n"
        "  at /nix/store/x2y9fvrbdyn46cik0mp1nnj86y3yf35y-source/hosts/dl2/extra.nix:2:14:\n"
        "     1| { derive, ... }:\n"
        '     2| { toplevel = throw "dl2 has no such option"; }\n'
        "      |              ^\n"
        "     3|\n"
        "error: dl2 has no such option"
    )


def test_a_cause_of_many_lines_is_shown_whole() -> None:
    failed = [f"       - homelab.zfs on nas: mistake {number}" for number in range(20)]
    text = "\n".join(
        ["error:", "       … while evaluating", "         at x", "       error:", "       Failed assertions:", *failed]
    )
    shown = why_not_evaluated(text).splitlines()
    assert shown == ["Failed assertions:", *(line.strip() for line in failed)]


def test_no_failure_is_longer_than_forty_lines() -> None:
    assert len(why_not_evaluated("\n".join(["error: cause", *map(str, range(100))])).splitlines()) == 40
    assert len(why_not_built("\n".join(["error: cause", *(f"  {n}" for n in range(100))])).splitlines()) == 40


@needs_nixpkgs_lib
def test_a_mistake_in_an_option_is_shown_with_the_option_and_the_value() -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate("{ services.ngnix.enable = true; }", "config.system.stateVersion")
    shown = why_not_evaluated(str(caught.value)).splitlines()
    assert "The option `services.ngnix' does not exist." in shown[0]
    assert any("enable = true" in line for line in shown)


@pytest.mark.parametrize(
    ("version", "first"),
    [
        ("2.34.8", [f"error: Cannot build '{STORE}-kernel.drv'.", "       Reason: builder failed with exit code 3."]),
        (
            "2.26.3",
            ["error: builder for '/nix/store/rhc7k6prkgnmlqfy2wsns8xwxgxzb68d-kernel.drv' failed with exit code 3;"],
        ),
    ],
)
def test_of_a_build_the_log_of_what_failed_is_shown_and_not_what_failed_for_want_of_it(
    version: str, first: list[str]
) -> None:
    shown = why_not_built(recorded(f"build-{version}.txt")).splitlines()
    assert shown[: len(first)] == first
    assert shown[-4:-2] == ["       > compiling", "       > undefined reference"]
    assert shown[-1].startswith("         nix log /nix/store/")
    assert "nixos-system" not in "\n".join(shown)
    assert "Output paths" not in "\n".join(shown)


def test_each_of_several_failures_of_one_machine_is_shown() -> None:
    failure = recorded("build-2.34.8.txt").partition("...\n")[2]
    both = failure + "building '/nix/store/x'...\n" + failure.replace("kernel", "grub").replace("undefined", "unclosed")
    shown = why_not_built(both)
    assert "> undefined reference" in shown
    assert "> unclosed reference" in shown


def test_a_failure_for_want_of_others_is_shown_when_it_is_all_there_is() -> None:
    text = "error: Cannot build '/nix/store/x.drv'.\n       Reason: 1 dependency failed.\n"
    assert why_not_built(text) == text.strip()


def test_without_a_word_of_error_the_last_lines_are_shown() -> None:
    text = "\n".join(map(str, range(30)))
    assert why_not_built(text).splitlines() == [str(number) for number in range(18, 30)]
    assert why_not_evaluated("killed") == "killed"
    assert why_not_evaluated("") == why_not_built("") == ""


def test_what_steers_a_terminal_and_endless_lines_are_taken_out() -> None:
    assert why_not_evaluated("\x1b[31;1merror:\x1b[0m no\x07 " + "x" * 400) == f"error: no {'x' * 289}…"
    assert progress(f"building '{STORE}-\x1b[31mred.drv'...") == "building red"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"building '{STORE}-linux-6.12.30.drv'...", "building linux-6.12.30"),
        (f"building '{STORE}-unit-a.service.drv' on 'ssh-ng://fast'...", "building unit-a.service"),
        (f"copying path '{STORE}-glibc-2.42' from 'https://cache.nixos.org'...", "fetching glibc-2.42"),
        (f"building '/home/x/store/{STORE[11:]}-etc.drv'...", "building etc"),
        ("warning: ignoring the client-specified setting 'x'", "warning: ignoring the client-specified setting 'x'"),
        ("warning: Git tree '/home/mika/lab' is dirty", None),
        ("these 2 derivations will be built:", None),
        (f"  {STORE}-kernel.drv", None),
        ("error: no", None),
    ],
)
def test_progress_is_what_is_built_or_fetched_and_what_nix_warns_of(line: str, shown: str | None) -> None:
    assert progress(line) == shown
