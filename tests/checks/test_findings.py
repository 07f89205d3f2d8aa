from __future__ import annotations

from typing import get_args

import pytest

from pyhomelab.checks import Check, Finding, Verdict, objections, still_failing, worth_waiting_for

POOL = Check("pool tank is ONLINE", "zfs", "", 10, "on dl1, `zpool status -v tank` names the disk")


def found(verdict: Verdict | None, said: str = "tank is DEGRADED") -> dict[str, Finding]:
    return {} if verdict is None else {POOL.name: Finding(POOL, verdict, said)}


@pytest.mark.parametrize(
    ("before", "after", "objection"),
    [
        ("holds", "fails", "pool tank is ONLINE: not any more (tank is DEGRADED)"),
        ("not run", "fails", "pool tank is ONLINE: not so (tank is DEGRADED)"),
        (None, "fails", "pool tank is ONLINE: not so (tank is DEGRADED)"),
        ("holds", "not run", "pool tank is ONLINE: cannot be told any more (tank is DEGRADED)"),
    ],
)
def test_what_became_worse_is_an_objection(before: Verdict | None, after: Verdict, objection: str) -> None:
    assert objections(found(before), found(after)) == (objection,)


@pytest.mark.parametrize(
    ("before", "after"),
    [("fails", "fails"), ("fails", "not run"), ("not run", "not run"), (None, "not run")]
    + [(before, "holds") for before in ("holds", "fails", "not run", None)],
)
def test_what_became_no_worse_is_none(before: Verdict | None, after: Verdict) -> None:
    assert objections(found(before), found(after)) == ()


def test_a_failure_without_a_word_is_still_an_objection() -> None:
    assert objections(found("holds"), found("fails", "")) == (
        "pool tank is ONLINE: not any more (no reason was given)",
    )


@pytest.mark.parametrize("before", get_args(Verdict))
@pytest.mark.parametrize("after", get_args(Verdict))
def test_what_failed_before_and_fails_is_named_and_only_that(before: Verdict, after: Verdict) -> None:
    expected = (POOL.name,) if before == after == "fails" else ()
    assert still_failing(found(before), found(after)) == expected


def test_a_check_that_was_not_asked_before_does_not_still_fail() -> None:
    assert still_failing({}, found("fails")) == ()


def test_what_failed_before_is_not_waited_for() -> None:
    assert [worth_waiting_for(found(verdict)) for verdict in get_args(Verdict)] == [{POOL.name}, set(), {POOL.name}]


def test_a_finding_is_told_with_its_reason() -> None:
    assert str(found("fails")[POOL.name]) == "pool tank is ONLINE: fails: tank is DEGRADED"
    assert str(found("holds", "fine")[POOL.name]) == "pool tank is ONLINE: holds"
    assert str(found("not run", "there is no zpool here")[POOL.name]) == (
        "pool tank is ONLINE: not run: there is no zpool here"
    )
