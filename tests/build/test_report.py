"""What a person reads while machines are built."""

from __future__ import annotations

import pytest

from pyhomelab.state.stations import BuildFailed, Built, Evaluated, EvaluationFailed
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
from pyhomelab.telling.report import failures, lines

PATH = "/nix/store/x-nixos-system-dl1"


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (Noted("nothing is signed"), ["nothing is signed"]),
        (Evaluating(("dl1", "dl2"), "nix eval", 1), ["evaluating 2 machines with nix eval, 1 at a time"]),
        (
            AskedAgain(("dl1", "dl2"), "no answer"),
            ["dl1: asked again: no answer", "dl2: asked again: no answer"],
        ),
        (Evaluated("dl1", "/nix/store/x.drv", PATH), ["dl1: evaluated"]),
        (EvaluationFailed("dl1", "error: a\n  at b"), ["dl1: evaluation failed", "dl1:   error: a", "dl1:     at b"]),
        (Building("dl1"), ["dl1: building"]),
        (Progressed("dl1", "building linux-6.12"), ["dl1: building linux-6.12"]),
        (Built("dl1", PATH, is_signed=False), [f"dl1: built: {PATH}"]),
        (Built("dl1", PATH, is_signed=True), [f"dl1: built and signed: {PATH}"]),
        (Built("dl1", PATH, is_signed=False, is_on_host=True), [f"dl1: built there: {PATH}"]),
        (BuildFailed("dl1", "error: a"), ["dl1: build failed", "dl1:   error: a"]),
        (RunBegan("r1", "deploy", ("dl1", "dl2")), ["deploy r1 of 2 machines"]),
        (StageBegan("dl1", "copy"), ["dl1: copying its system"]),
        (StageBegan("dl1", "activate"), ["dl1: trying its system"]),
        (StageBegan("dl1", "drain"), ["dl1: moving its pods elsewhere"]),
        (StageBegan("dl1", "reboot"), ["dl1: rebooting"]),
        (StageBegan("dl1", "uncordon"), ["dl1: letting pods come back"]),
        (StageBegan("dl1", "verify"), ["dl1: asking its checks"]),
        (StageEnded("dl1", "copy", "copied"), ["dl1: copy: copied"]),
        (
            StageEnded("dl1", "copy", "not copied", "no room\n  at b"),
            ["dl1: copy: not copied: no room", "dl1:     at b"],
        ),
        (Progressed("dl1", ""), ["dl1: "]),
        (StageEnded("dl1", "activate", "rolled back", "it hung"), ["dl1: activate: rolled back: it hung"]),
        (Advanced("dl1", "copying", 1, 2, "bytes"), []),
        (HostEnded("dl1", "deployed", is_well=True), []),
        (RunEnded("r1", is_well=True), []),
    ],
)
def test_each_line_begins_with_the_machine_that_it_is_about_and_what_is_said_at_the_end_has_none(
    event: Event, shown: list[str]
) -> None:
    assert lines(event) == shown


def test_at_the_end_it_is_said_which_machines_failed_and_at_what() -> None:
    built = Built("dl1", PATH, is_signed=True)
    assert failures({"dl1": built}) == ""
    assert failures({"dl1": built, "dl2": EvaluationFailed("dl2", "")}) == "dl2 could not be evaluated"
    results = {name: BuildFailed(name, "") for name in ("a", "b")} | {"c": EvaluationFailed("c", "")}
    assert failures(results) == "c could not be evaluated; a and b could not be built"
