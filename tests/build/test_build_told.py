"""What `pyhomelab build` tells while real Nix works: lines of JSON for a program, a live view on a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from pyhomelab.telling.event_json import events_schema
from tests.build.test_build import BROKEN_BUILD, BROKEN_OPTION, paths, processes_in, until
from tests.flakes import needs_nix
from tests.modules.sources import ROOT
from tests.terminal import on_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.build.labs import NixLab

pytestmark = [pytest.mark.nix, needs_nix]


def argv(lab: NixLab, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "pyhomelab", "build", str(lab.root / "hosts"), *arguments]


def environment(lab: NixLab) -> dict[str, str]:
    own = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "", "TERM": "xterm-256color"}
    return {**os.environ, **lab.environment, **own}


def of_host(events: list[dict[str, Any]], host: str) -> list[str]:
    """The kinds of what was told of a machine, in order; how far it is can be told any number of times."""
    return [event["event"] for event in events if event.get("host") == host and event["event"] != "advanced"]


def test_every_line_of_json_obeys_the_schema_and_the_results_are_among_them(lab: NixLab) -> None:
    lab.set_up("dl2", BROKEN_OPTION)
    lab.set_up("dl3", BROKEN_BUILD)
    done = lab.build("--json-events")
    assert done.returncode == 4
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for event in events:
        jsonschema.Draft202012Validator(events_schema()).validate(event)
    assert [event["event"] for event in events[:2]] == ["noted", "evaluating"]
    assert of_host(events, "dl1") == ["evaluated", "building", "progressed", "progressed", "built"]
    assert of_host(events, "dl2") == ["evaluation-failed"]
    assert of_host(events, "dl3") == ["evaluated", "building", "progressed", "build-failed"]
    (built,) = [event for event in events if event["event"] == "built"]
    assert paths(built["toplevel"]).keys() == {"dl1"}
    counts = [event for event in events if event["event"] == "advanced" and event["host"] == "dl1"]
    assert {(count["doing"], count["unit"]) for count in counts} == {("building", "builds")}
    assert counts[-1]["done"] == 2
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert done.stderr.splitlines() == [
        "dl2 could not be evaluated; dl3 could not be built; next, when that is mended: pyhomelab build --on dl2,dl3 "
        f"{lab.root}/hosts"
    ]


def test_a_line_of_json_is_there_while_nix_still_works(lab: NixLab, tmp_path: Path) -> None:
    go = tmp_path / "go"
    lab.set_up(
        "dl1", f'script = "for n in $(seq 300); do test -e {go} && mkdir $out && exit; sleep 0.1; done; exit 1";'
    )
    with subprocess.Popen(
        argv(lab, "--host", "dl1", "--json-events"), env=environment(lab), stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        for line in program.stdout:
            if json.loads(line)["event"] == "progressed":
                go.touch()  # it waits for that, but not for ever
        assert program.wait(60) == 0
    assert json.loads(line)["event"] == "built"


def test_both_kinds_of_json_at_once_are_refused(lab: NixLab) -> None:
    done = lab.build("--json", "--json-events")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("Error: --json and --json-events are both for stdout: choose one\n")


def test_on_a_terminal_each_machine_has_a_line_and_the_paths_go_to_stdout(lab: NixLab, tmp_path: Path) -> None:
    lab.set_up("dl3", BROKEN_BUILD)
    results = tmp_path / "results"
    with results.open("wb") as stdout, on_terminal(argv(lab), environment(lab), stdout=stdout.fileno()) as terminal:
        assert terminal.end(60) == 4
        shown = [re.sub(" +", " ", line) for line in terminal.screen.text.splitlines()]
    assert list(paths(results.read_text())) == ["dl1", "dl2"]
    assert shown[0].startswith("nothing is signed: there is no ")
    assert "evaluating 3 machines with nix eval, 2 at a time" in shown or "nix-eval-jobs" in terminal.screen.text
    assert shown.index("dl3: build failed") < shown.index("dl3: > undefined reference")
    machines = [re.sub(r" \d:\d\d$", " 0:00", line) for line in shown if line.startswith(("✓", "✗"))]
    assert machines == ["✓ dl1 built 0:00", "✓ dl2 built 0:00", "✗ dl3 build failed 0:00"]
    assert "dl3 could not be built; next, when that is mended: pyhomelab build --host dl3" in " ".join(shown[-2:])


def test_ctrl_c_on_a_terminal_leaves_the_view_the_cursor_and_no_nix(lab: NixLab, tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    lab.set_up("dl1", f'script = "echo $$ >> {pidfile}; sleep 60";')
    with on_terminal(argv(lab, "--host", "dl1"), environment(lab)) as terminal:
        settings = terminal.settings
        until(lambda: pidfile.exists() and terminal.read(0.1), 60)
        terminal.wait("building nixos-system-dl1")
        terminal.type("\x03")
        assert terminal.end(30) == 1
        shown = [re.sub(" +", " ", line) for line in terminal.screen.text.splitlines()]
        (row,) = [line for line in shown if " dl1 " in line]
        assert re.fullmatch(r"✗ dl1 build failed \d:\d\d", row)  # Nix was stopped, and said so
        assert shown[-1] == "Aborted!"
        assert (terminal.screen.has_cursor, terminal.settings) == (True, settings)
    assert list(processes_in(lab)) == []
