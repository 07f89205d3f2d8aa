"""What host/supervisor.sh does with systems that behave in every way, run by each shell that a host may have."""

from __future__ import annotations

import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.supervised import WORD, Machine, missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(missing() != "", reason=missing() or "nothing is missing")

TRIED = "new test check=yes"
BACK = "old test check=1"
UNCONFIRMED = "nobody confirmed it within 2 s"
KILLED = "rolled-back the supervisor was killed (signal)"


@pytest.fixture(params=["dash", "bash"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    shell = shutil.which(request.param)
    if shell is None:
        pytest.skip(f"{request.param} is not on PATH")
    machine = Machine(tmp_path, shell)
    yield machine
    machine.stop()


def test_a_system_that_is_confirmed_becomes_the_default(machine: Machine) -> None:
    machine.start()
    machine.wait_for("probation")
    assert (machine.state, machine.runs) == ("probation 0", "new")
    machine.write("token", WORD)
    assert (machine.ended(), machine.runs) == ("committed", "new")
    assert machine.calls == [TRIED, "nix-env --profile system --set new", "new boot check=yes"]


def test_a_system_that_nobody_confirms_is_undone(machine: Machine) -> None:
    machine.start()
    began = time.monotonic()
    assert (machine.ended(), machine.runs) == (f"rolled-back {UNCONFIRMED}", "old")
    assert time.monotonic() - began < 8
    assert machine.calls == [TRIED, BACK]


@pytest.mark.parametrize("wrong", ["another word", f"{WORD}\n", "", WORD.upper()])
def test_only_the_very_word_confirms(machine: Machine, wrong: str) -> None:
    machine.write("token", wrong)
    machine.start()
    assert machine.ended() == f"rolled-back {UNCONFIRMED}"


def test_a_reason_to_go_back_is_shown_as_far_as_it_can_be_printed(machine: Machine) -> None:
    machine.probation = 600
    machine.start()
    machine.wait_for("probation")
    machine.write("abort", "web \x1b[31mfailed\n" + "x" * 1000)
    assert machine.ended() == "rolled-back web [31mfailed" + "x" * (400 - len("web \x1b[31mfailed\n"))


def test_who_confirms_and_takes_it_back_has_taken_it_back(machine: Machine) -> None:
    machine.write("abort", "no")
    machine.write("token", WORD)
    machine.start()
    assert machine.ended() == "rolled-back no"


@pytest.mark.parametrize("code", [2, 3, 101, 137])
def test_a_switch_that_fails_is_undone(machine: Machine, code: int) -> None:
    machine.system("new", test=f"is $SELF; exit {code}")
    machine.start()
    assert (machine.ended(), machine.runs) == (f"rolled-back switch-to-configuration ended with {code}", "old")
    assert machine.calls == [TRIED, BACK]


@pytest.mark.parametrize("code", [1, 100, 126])
def test_a_switch_that_is_refused_changes_nothing(machine: Machine, code: int) -> None:
    machine.system("new", test=f"exit {code}")
    machine.start()
    assert machine.ended() == f"refused {code}"
    assert machine.calls == [TRIED]


def test_a_system_that_is_not_there_changes_nothing(machine: Machine) -> None:
    shutil.rmtree(machine.place / "new")
    machine.start()
    assert machine.ended() == "refused 127"


@pytest.mark.parametrize("kind", ["start", "restart", "reload"])
@pytest.mark.parametrize("code", [1, 100])
def test_a_switch_that_broke_off_in_the_middle_is_undone(machine: Machine, code: int, kind: str) -> None:
    machine.system("new", test=f"touch /run/nixos/{kind}-list; exit {code}")
    machine.start()
    assert machine.ended() == f"rolled-back switch-to-configuration ended with {code}"
    assert machine.calls == [TRIED, BACK]


def test_a_switch_that_broke_off_after_the_activation_is_undone(machine: Machine) -> None:
    machine.system("new", test="is $SELF; exit 1")
    machine.start()
    assert machine.ended() == "rolled-back switch-to-configuration ended with 1"


def test_what_another_switch_does_is_not_undone(machine: Machine) -> None:
    machine.system("new", test='is "$SELF/../third"; exit 11')
    machine.start()
    assert (machine.ended(), machine.calls) == ("refused 11", [TRIED])


def test_units_that_fail_are_told_beside_those_that_had_failed(machine: Machine) -> None:
    (machine.place / "failed").write_text("old.service loaded failed failed Old one\n")
    more = "echo 'new@1.service loaded activating auto-restart New one' >>$SELF/../failed"
    machine.system("new", test=f"is $SELF; {more}; exit 4")
    machine.start()
    machine.wait_for("probation 4")
    assert machine.facts["before"].split() == ["old.service"]
    assert machine.facts["failed"].split() == ["old.service", "new@1.service"]
    machine.write("token", WORD)
    assert machine.ended() == "committed"


@pytest.mark.parametrize("ignores", ["", "trap '' TERM; "])
def test_a_switch_that_hangs_is_ended_and_undone(machine: Machine, ignores: str) -> None:
    (machine.place / "jobs").write_text("7 slow-before.service start running\n")
    more = "echo '8 web.service start running' >>$SELF/../jobs"
    machine.system("new", test=f"is $SELF; {ignores}{more}; while :; do sleep 1; done")
    machine.start()
    assert machine.ended() == "rolled-back activation took longer than 2 s, waiting for web.service"
    assert machine.calls == [TRIED, "systemctl cancel 8", BACK]


@pytest.mark.parametrize("code", [0, 2, 4])
def test_the_old_system_is_back_when_it_runs(machine: Machine, code: int) -> None:
    machine.system("old", test=f"is $SELF; exit {code}")
    machine.start()
    assert (machine.ended(), machine.calls) == (f"rolled-back {UNCONFIRMED}", [TRIED, BACK])


def test_the_old_system_waits_for_another_switch_to_end(machine: Machine) -> None:
    machine.system("old", test="[ -e $SELF/free ] || { touch $SELF/free; exit 11; }; is $SELF")
    machine.start()
    assert (machine.ended(), machine.calls) == (f"rolled-back {UNCONFIRMED}", [TRIED, BACK, BACK])


def test_a_way_back_without_a_bus_starts_the_bus(machine: Machine) -> None:
    machine.system("old", test="[ -e $SELF/../dbus ] || exit 1; is $SELF")
    machine.start()
    assert machine.ended() == f"rolled-back {UNCONFIRMED}"
    assert machine.calls == [TRIED, BACK, "systemctl start dbus.socket", BACK]


def test_a_way_back_that_cannot_print_goes_without(machine: Machine) -> None:
    (machine.directory / "log").symlink_to("/dev/full")
    machine.start()
    assert machine.ended() == "rolled-back switch-to-configuration ended with 101"
    assert machine.calls == [TRIED, BACK, "systemctl start dbus.socket", BACK]


BY_HAND = [
    TRIED,
    BACK,
    "systemctl start dbus.socket",
    BACK,
    "old activate",
    "systemctl daemon-reload",
    "systemctl start dbus.socket",
    BACK,
]


def test_a_way_back_that_fails_is_gone_by_hand_and_left_to_who_holds_it(machine: Machine) -> None:
    machine.system("old", test="exit 1", activate=f"ln -sfn {machine.place}/old /run/current-system")
    machine.start()
    machine.wait_for("rollback-failed")
    assert (machine.runs, machine.calls) == ("old", BY_HAND)
    machine.write("hold", "held")
    assert machine.ended() == f"rollback-failed {UNCONFIRMED}"
    assert machine.calls == BY_HAND


def test_a_way_back_that_fails_and_that_nobody_holds_ends_in_a_restart(machine: Machine) -> None:
    machine.system("old", test="exit 1")
    machine.start()
    machine.wait_for("restarting")
    time.sleep(0.5)
    assert machine.calls == [*BY_HAND, "systemctl --no-block reboot"]
    machine.tell(signal.SIGTERM)
    assert machine.ended() == f"restarting {UNCONFIRMED}", "a shutdown does not wait for it"


def test_a_third_system_that_somebody_activated_is_not_made_the_default(machine: Machine) -> None:
    machine.system("new", test='mkdir $SELF/../third; is "$SELF/../third"')
    machine.start()
    machine.wait_for("probation")
    machine.write("token", WORD)
    assert (machine.ended(), machine.runs, machine.calls) == ("superseded", "third", [TRIED])


def test_a_boot_loader_that_cannot_be_written_is_a_reason_to_go_back(machine: Machine) -> None:
    machine.system("new", test="is $SELF", boot="exit 1")
    machine.write("token", WORD)
    machine.start()
    assert machine.ended() == "rolled-back the boot loader could not be written"
    assert (machine.runs, (machine.place / "system").readlink().name) == ("old", "system-41-link")
    assert machine.calls == [
        TRIED,
        "nix-env --profile system --set new",
        "new boot check=yes",
        "nix-env --profile system --switch-generation 41",
        "old boot check=1",
        BACK,
    ]
    assert "boots" not in machine.facts


def test_a_boot_loader_that_takes_the_old_system_neither_is_told(machine: Machine) -> None:
    machine.system("new", test="is $SELF", boot="exit 1")
    machine.system("old", test="is $SELF", boot="exit 1")
    machine.write("token", WORD)
    machine.start()
    assert machine.ended() == "rolled-back the boot loader could not be written"
    assert machine.facts["boots"] == "unknown"


def test_a_boot_loader_that_hangs_is_ended(machine: Machine) -> None:
    machine.system("new", test="is $SELF", boot="sleep 1000")
    machine.write("token", WORD)
    machine.start()
    assert machine.ended() == "rolled-back the boot loader could not be written"


def test_a_profile_that_cannot_be_set_leaves_the_boot_loader_alone(machine: Machine) -> None:
    (machine.place / "nix-env-fails").touch()
    machine.write("token", WORD)
    machine.start()
    assert (machine.ended(), machine.runs) == ("rolled-back the profile could not be set", "old")
    assert machine.calls == [TRIED, "nix-env --profile system --set new", BACK]


def test_a_state_is_told_where_there_is_no_room_for_a_second_file(machine: Machine) -> None:
    (machine.directory / "state.new").symlink_to("/dev/full")
    machine.start()
    assert machine.ended() == f"rolled-back {UNCONFIRMED}"


@pytest.mark.parametrize(
    ("state", "ended", "calls"),
    [
        ("armed", "refused 0", []),
        ("testing", KILLED, [BACK]),
        ("probation 4", KILLED, [BACK]),
        ("rolling-back late", KILLED, [BACK]),
        ("committing", "superseded", []),
        ("committed", "committed", []),
        ("rolled-back late", "rolled-back late", []),
        ("refused 1", "refused 1", []),
    ],
)
def test_what_a_killed_supervisor_was_at_is_brought_to_its_end(
    machine: Machine, state: str, ended: str, calls: list[str]
) -> None:
    machine.write("state", f"{state}\nuptime=1\n")
    machine.start("--after", SERVICE_RESULT="signal")
    assert (machine.ended(), machine.calls) == (ended, calls)


def test_a_supervisor_that_ended_by_itself_has_nothing_after_it(machine: Machine) -> None:
    machine.write("state", "probation 0\n")  # its last word found no room
    machine.start("--after", SERVICE_RESULT="success")
    assert (machine.ended(), machine.calls) == ("probation 0", [])


def test_a_host_that_shuts_down_switches_nothing(machine: Machine) -> None:
    (machine.place / "running").write_text("stopping\n")
    machine.write("state", "probation 0\n")
    machine.start("--after", SERVICE_RESULT="signal")
    assert (machine.ended(), machine.calls) == ("probation 0", [])


@pytest.mark.parametrize("when", ["testing", "probation"])
def test_a_supervisor_that_is_told_to_stop_goes_back_at_once(machine: Machine, when: str) -> None:
    machine.activation = machine.probation = 600
    if when == "testing":
        machine.system("new", test="is $SELF; sleep 1000")
    machine.start()
    machine.wait_for(when)
    time.sleep(0.5)
    machine.tell(signal.SIGTERM)
    assert (machine.ended(), machine.calls) == ("rolled-back the supervisor was told to stop", [TRIED, BACK])


def test_a_way_back_is_not_interrupted(machine: Machine) -> None:
    machine.system("old", test="sleep 1; is $SELF")
    machine.start()
    machine.wait_for("rolling-back")
    for _ in range(3):
        machine.tell(signal.SIGTERM)
        time.sleep(0.1)
    assert (machine.ended(), machine.calls) == (f"rolled-back {UNCONFIRMED}", [TRIED, BACK])


def test_what_the_systems_said_is_kept_and_told(machine: Machine) -> None:
    machine.start()
    machine.ended()
    assert (machine.directory / "log").read_text() == f"new: test\n-- going back: {UNCONFIRMED}\nold: test\n"
    assert machine.said.splitlines() == [
        "testing",
        "probation 0",
        f"rolling-back {UNCONFIRMED}",
        f"rolled-back {UNCONFIRMED}",
        "new: test",
        f"-- going back: {UNCONFIRMED}",
        "old: test",
    ]


def test_the_lock_is_free_at_the_end(machine: Machine) -> None:
    (machine.place / "lock").touch()
    machine.start()
    machine.ended()
    assert not (machine.place / "lock").exists()
