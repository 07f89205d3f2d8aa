"""What a person reads about machines that did not end well: why, what explains it, what runs, what to type next."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhomelab.deployment.turn import STOPPED
from pyhomelab.nix.transfer import NotCopied
from pyhomelab.planning.waves import LEFT_ALONE
from pyhomelab.shell import HostKeyRefused, LoginRefused, NoRoot, Unreachable
from pyhomelab.telling.endings import ends, next_steps
from pyhomelab.telling.events import HostEnded
from pyhomelab.trials.reboots import RebootEnding
from pyhomelab.trials.trial import Ending

RUN = "20260301-201504-1a2b"
HOSTS = Path("hosts")
OLD, NEW = "/nix/store/a-nixos-system-dl1", "/nix/store/b-nixos-system-dl1"


def said(became: str, *, needs_a_person: bool = False) -> str:
    """What is said to be next about a machine that ended so."""
    (line,) = next_steps([HostEnded("dl1", became, needs_a_person=needs_a_person)], HOSTS)
    return line


def test_of_machines_that_are_well_nothing_is_said() -> None:
    assert (
        ends([HostEnded("dl1", "deployed", is_well=True), HostEnded("dl2", "in sync", is_well=True)], RUN, HOSTS) == []
    )


def test_a_machine_that_went_back_is_explained_with_its_log_what_it_runs_and_what_to_type() -> None:
    ended = HostEnded("dl1", "rolled back", "web.service failed", OLD, ("starting web", "web: no such port"))
    assert ends([ended], RUN, HOSTS) == [
        "dl1: rolled back: web.service failed",
        "dl1:   starting web",
        "dl1:   web: no such port",
        f"dl1:   the whole log is there: journalctl -u pyhomelab-{RUN}",
        f"dl1:   runs {OLD}",
        "next, when that is mended: pyhomelab deploy --host dl1",
    ]


def test_who_has_read_what_became_of_a_machine_does_not_read_it_again() -> None:
    ended = HostEnded("dl1", "rolled back", "web.service failed", OLD)
    assert ends([ended], RUN, HOSTS, has_headlines=False) == [
        f"dl1:   runs {OLD}",
        "next, when that is mended: pyhomelab deploy --host dl1",
    ]


def test_a_reason_of_many_lines_is_shown_whole_with_the_machine_before_each() -> None:
    ended = HostEnded("dl1", "not copied", "its system could not be copied to it\nerror: a\n  at b", OLD)
    assert ends([ended], RUN, HOSTS)[:-1] == [
        "dl1: not copied: its system could not be copied to it",
        "dl1:   error: a",
        "dl1:     at b",
        f"dl1:   runs {OLD}",
    ]


def test_of_a_long_log_the_last_ten_lines_are_shown() -> None:
    shown = ends([HostEnded("dl1", "rolled back", log=tuple(map(str, range(30))))], "", HOSTS)
    assert shown[1:-1] == [f"dl1:   {number}" for number in range(20, 30)]


def test_machines_that_ended_alike_get_one_command_together() -> None:
    ended = [
        HostEnded("dl1", "rolled back", "web.service failed"),
        HostEnded("dl2", "left alone", "comes after the canary dl1 (rolled back)"),
        HostEnded("nas", "deployed", is_well=True),
        HostEnded("dl3", "left alone", "comes after the canary dl1 (rolled back)"),
    ]
    assert ends(ended, RUN, HOSTS) == [
        "dl1: rolled back: web.service failed",
        "dl2: left alone: comes after the canary dl1 (rolled back)",
        "dl3: left alone: comes after the canary dl1 (rolled back)",
        "next, when that is mended: pyhomelab deploy --host dl1",
        "next, when what was in its way is well: pyhomelab deploy --on dl2,dl3",
    ]


def test_machines_that_were_left_alone_since_the_deploy_was_stopped_are_resumed() -> None:
    ended = [HostEnded("dl1", LEFT_ALONE, STOPPED), HostEnded("dl2", LEFT_ALONE, STOPPED), HostEnded("dl3", "unknown")]
    assert next_steps(ended, Path("lab")) == [
        "next, to see what runs there: pyhomelab status --host dl3 lab",
        "next, to go on where it stopped: pyhomelab deploy --resume lab",
    ]


def test_the_command_is_the_one_that_was_typed_with_the_inventory_if_it_is_not_the_usual_one() -> None:
    ended = [HostEnded("dl1", "rolled back")]
    assert next_steps(ended, Path("my lab/hosts"), command="rollback") == [
        "next, when that is mended: pyhomelab rollback --host dl1 'my lab/hosts'"
    ]


@pytest.mark.parametrize(
    ("became", "line"),
    [
        (
            Ending.MAY_NOT_BOOT,
            "next, make room on its boot partition before anything restarts it; after that: "
            "pyhomelab deploy --host dl1",
        ),
        (RebootEnding.BOOTS_OLD, "next, when its boot loader can be written: pyhomelab deploy --host dl1"),
        (Ending.REFUSED, "next, when that is mended (nothing was changed there): pyhomelab deploy --host dl1"),
        (Ending.OVERTAKEN, "next, to see what somebody else activated there: pyhomelab status --host dl1"),
        (Ending.ROLLED_BACK, "next, when that is mended: pyhomelab deploy --host dl1"),
        (
            Ending.ROLLBACK_FAILED,
            "next, log in or go to the console, `systemctl reboot` boots the old system; after that: "
            "pyhomelab status --host dl1",
        ),
        (Ending.UNKNOWN, "next, to see what runs there: pyhomelab status --host dl1"),
        (LEFT_ALONE, "next, when what was in its way is well: pyhomelab deploy --host dl1"),
        (NotCopied.kind, "next, when that is mended (nothing was changed there): pyhomelab deploy --host dl1"),
        (Unreachable.kind, "next, when that is mended: pyhomelab deploy --host dl1"),
        (HostKeyRefused.kind, "next, when that is mended: pyhomelab deploy --host dl1"),
        (LoginRefused.kind, "next, when that is mended: pyhomelab deploy --host dl1"),
        (NoRoot.kind, "next, when that is mended: pyhomelab deploy --host dl1"),
        ("evaluation failed", "next, when that is mended: pyhomelab build --host dl1"),
        ("build failed", "next, when that is mended: pyhomelab build --host dl1"),
    ],
)
def test_each_way_to_end_has_its_next_step(became: str, line: str) -> None:
    assert said(became) == line


def test_a_machine_that_needs_a_person_and_does_not_answer_is_looked_for_at_its_console() -> None:
    assert said(Ending.UNREACHABLE, needs_a_person=True) == (
        "next, go to the console; when it answers again: pyhomelab status --host dl1"
    )
