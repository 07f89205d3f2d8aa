"""How a machine stands, against what it was last given from here."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pyhomelab.state.drift import drift_of, remarks
from pyhomelab.state.hoststate import Generation, HostState, System

A, B, C = (f"/nix/store/{letter}" for letter in "abc")
DAY = datetime(2026, 5, 1, tzinfo=UTC)
BY_HAND = "its generation 2 was not deployed from here, but by hand or from elsewhere"


def machine(current: str, *, booted: str | None = None, default: int | None = 2) -> HostState:
    """A machine with A and B as its generations 1 and 2; each system has a kernel of its own."""
    runs, started = (System(path, None, None, {"kernel": path}) for path in (current, booted or current))
    kept = tuple(Generation(number, DAY, path, None, None) for number, path in ((1, A), (2, B)))
    return HostState("x86_64", "id", DAY, runs, started, default, {}, kept, "running", ())


@pytest.mark.parametrize(
    ("state", "deployed", "drift", "said"),
    [
        (machine(B), B, "in sync", []),
        (machine(B), None, "in sync", []),
        (machine(B), A, "changed by hand", [BY_HAND]),
        (machine(A), A, "changed by hand", [BY_HAND, "the next boot starts generation 2"]),
        (machine(A), B, "reboot pending", ["the next boot starts generation 2"]),
        (
            machine(B, booted=A),
            B,
            "reboot pending",
            ["runs with the kernel of the system that it was booted with, until it is rebooted"],
        ),
        (machine(C, booted=B), A, "uncommitted", ["the next boot undoes what it runs: it starts generation 2 again"]),
        (machine(B, default=None), A, "unknown", ["keeps no generation that it would boot"]),
    ],
)
def test_a_machine_is_compared_with_what_it_was_last_given(
    state: HostState, deployed: str | None, drift: str, said: list[str]
) -> None:
    assert (drift_of(state, deployed), list(remarks(state, deployed))) == (drift, said)


def test_a_machine_that_does_not_say_what_it_runs_is_unknown() -> None:
    silent = HostState("x86_64", "id", DAY, None, None, 2, {}, machine(B).generations, "running", ())
    assert (drift_of(silent, A), list(remarks(silent, A))) == ("unknown", ["does not say what it runs"])
