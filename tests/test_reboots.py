"""What is made of a host's word about its reboot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pyhomelab.shell import Done
from pyhomelab.state.hoststate import Generation, HostState, NoAnswer, System
from pyhomelab.trials.reboots import (
    Rebooted,
    RebootEnding,
    RebootPhase,
    RebootState,
    lost,
    objection,
    patience,
    reboot_state_of,
    rebooted,
    way_back,
)
from pyhomelab.trials.trial import Order

OLD, NEW, THIRD = "/nix/store/0-old", "/nix/store/1-new", "/nix/store/2-third"
ORDER = Order(OLD, NEW, activation_seconds=300, probation_seconds=300)
ONCE = "its boot loader starts no system just once, so there was no second chance had it not come up"
ANSWER = f"""\
Welcome!
begin\t1
unit\tinactive
unit\tactive
state\twaiting
fact\trun\tRUN
fact\tbegan_in\tboot-1
fact\tbefore\tflaky.service
fact\tsystemd_before\tdegraded
fact\told_generation\t41
fact\tonce\tyes
fact\tdeadline\t342
log\tinstalling
log\ta\tb
boot\tboot-2\t42
current\t{NEW}
booted\t{NEW}
profile\t{NEW}
systemd\tdegraded
failed\tflaky.service
failed\tweb.service
starting\tslow.service
end
"""

WAITING = reboot_state_of("n1", Done(0, ANSWER, ""))


def ended(phase: RebootPhase, **other: Any) -> RebootState:
    """A host that has said its last word, with what it runs."""
    runs = OLD if phase in (RebootPhase.ROLLED_BACK, RebootPhase.REFUSED) else NEW
    return replace(replace(WAITING, phase=phase, is_supervised=False, current=runs, booted=runs), **other)


def test_an_answer_says_all_that_there_is_to_know() -> None:
    assert (
        RebootState(
            phase=RebootPhase.WAITING,
            why="",
            began_in="boot-1",
            boot_id="boot-2",
            is_supervised=True,
            is_once=True,
            old_generation="41",
            seconds_left=300,
            current=NEW,
            booted=NEW,
            profile=NEW,
            systemd="degraded",
            systemd_before="degraded",
            starting=("slow.service",),
            failed_before=frozenset({"flaky.service"}),
            failed=frozenset({"flaky.service", "web.service"}),
            boots_unknown=False,
            log=("installing", "a b"),
        )
        == WAITING
    )
    assert (WAITING.is_back, WAITING.is_waiting, WAITING.is_settled, WAITING.is_left_alone) == (True, True, True, False)


def test_of_a_run_that_a_host_knows_nothing_of_only_the_host_is_known() -> None:
    said = "\n".join(line for line in ANSWER.split("\n") if not line.startswith(("state", "fact", "log")))
    state = reboot_state_of("n1", Done(0, said, ""))
    assert (state.phase, state.is_back, state.is_once, state.current) == (None, False, None, NEW)
    assert rebooted(state, ORDER) == Rebooted(RebootEnding.UNKNOWN, "the host knows nothing of this reboot", NEW, ())


def test_an_answer_to_something_else_is_none() -> None:
    with pytest.raises(NoAnswer) as error:
        reboot_state_of("n1", Done(127, "", "sh: not found\n"))
    assert str(error.value) == "n1: did not say how its reboot stands (exit 127): sh: not found"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("boot\tboot-2\t42", "boot\tboot-2"),
        ("boot\tboot-2\t42", "boot\tboot-2\tlong"),
        ("state\twaiting", "state\tdreaming"),
        ("fact\tonce\tyes", "fact\tonce"),
        ("failed\tweb.service", "failed\tweb.service\tagain"),
        (f"current\t{NEW}\n", ""),
    ],
)
def test_nonsense_is_not_believed(one: str, other: str) -> None:
    assert ANSWER.count(one) == 1
    with pytest.raises(NoAnswer) as error:
        reboot_state_of("n1", Done(0, ANSWER.replace(one, other), ""))
    assert str(error.value) == "n1: said something that makes no sense of how its reboot stands"


def test_only_what_failed_newly_is_an_objection() -> None:
    assert objection(WAITING) == "web.service failed"
    assert objection(replace(WAITING, failed=frozenset({"flaky.service"}))) is None


def test_of_many_failed_units_some_are_named() -> None:
    many = replace(WAITING, failed=frozenset(f"{number}.service" for number in range(10)))
    named = ", ".join(f"{number}.service" for number in range(8))
    assert objection(many) == f"{named} and 2 more failed"


def test_a_start_without_an_end_is_an_objection_unless_the_old_system_had_none_either() -> None:
    starting = replace(WAITING, failed=frozenset(), systemd="starting")
    assert objection(starting) == "it does not come to the end of its start, waiting for slow.service"
    assert objection(replace(starting, starting=())) == "it does not come to the end of its start"
    assert objection(replace(starting, systemd_before="starting")) is None


@pytest.mark.parametrize(
    ("phase", "is_supervised", "boot_id"),
    [
        (RebootPhase.ARMED, True, "boot-1"),
        (RebootPhase.PREPARING, True, "boot-1"),
        (RebootPhase.REBOOTING, False, "boot-1"),  # going down, it has stopped that already
        (RebootPhase.REBOOTING, False, "boot-2"),  # up again, nothing has begun to decide
        (RebootPhase.WAITING, True, "boot-2"),
        (RebootPhase.WAITING, False, "boot-2"),
        (RebootPhase.GOING_BACK, False, "boot-2"),
    ],
)
def test_a_reboot_under_way_is_not_judged(phase: RebootPhase, is_supervised: bool, boot_id: str) -> None:  # noqa: FBT001 - a table
    state = replace(WAITING, phase=phase, is_supervised=is_supervised, boot_id=boot_id)
    assert rebooted(state, ORDER) is None


def test_a_preparation_that_is_gone_is_not_waited_for() -> None:
    state = replace(WAITING, phase=RebootPhase.PREPARING, is_supervised=False, boot_id="boot-1", current=OLD)
    assert rebooted(state, ORDER) == Rebooted(
        RebootEnding.UNKNOWN, "what was to reboot it is gone, though it was not done (preparing)", OLD, WAITING.log
    )


def test_who_comes_starts_what_should_decide() -> None:
    alone = replace(WAITING, phase=RebootPhase.REBOOTING, is_supervised=False)
    assert alone.is_left_alone
    assert not replace(alone, boot_id="boot-1").is_left_alone, "it has not rebooted yet"
    assert not replace(alone, phase=RebootPhase.PROVEN).is_left_alone


@pytest.mark.parametrize(
    ("state", "ending", "why"),
    [
        (ended(RebootPhase.PROVEN), RebootEnding.REBOOTED, ""),
        (ended(RebootPhase.PROVEN, is_once=False), RebootEnding.REBOOTED, ONCE),
        (ended(RebootPhase.UNCOMMITTED, why="no room"), RebootEnding.BOOTS_OLD, "no room"),
        (
            ended(RebootPhase.UNCOMMITTED, why="no room", boots_unknown=True),
            RebootEnding.BOOTS_OLD,
            "no room; whether it boots at all is not certain",
        ),
        (ended(RebootPhase.ROLLED_BACK, why="it did not come up"), RebootEnding.ROLLED_BACK, "it did not come up"),
        (ended(RebootPhase.ROLLBACK_FAILED, why="no room"), RebootEnding.ROLLBACK_FAILED, "no room"),
        (ended(RebootPhase.REFUSED, why="no room"), RebootEnding.REFUSED, "no room"),
        (
            ended(RebootPhase.SUPERSEDED, current=THIRD),
            RebootEnding.OVERTAKEN,
            "it runs a third system by now, which was left alone",
        ),
    ],
)
def test_the_last_word_and_what_runs_say_how_it_ended(state: RebootState, ending: RebootEnding, why: str) -> None:
    assert rebooted(state, ORDER) == Rebooted(ending, why, state.current, state.log)


@pytest.mark.parametrize(
    "state",
    [
        ended(RebootPhase.PROVEN, booted=OLD),  # a switch is no boot
        ended(RebootPhase.PROVEN, current=THIRD),
        ended(RebootPhase.PROVEN, boot_id="boot-1"),
        ended(RebootPhase.UNCOMMITTED, current=OLD),
        ended(RebootPhase.ROLLED_BACK, booted=NEW),
    ],
)
def test_a_last_word_that_what_runs_contradicts_is_not_believed(state: RebootState) -> None:
    found = rebooted(state, ORDER)
    why = f"the host said {state.phase}, but runs something else now"
    assert found == Rebooted(RebootEnding.UNKNOWN, why, state.current, state.log)


def test_who_has_to_look_after_what() -> None:
    needing = {ending for ending in RebootEnding if Rebooted(ending).needs_a_person}
    assert needing == {
        RebootEnding.BOOTS_OLD,
        RebootEnding.ROLLBACK_FAILED,
        RebootEnding.UNREACHABLE,
        RebootEnding.UNKNOWN,
    }
    assert [ending for ending in RebootEnding if Rebooted(ending).is_well] == [RebootEnding.REBOOTED]


@pytest.mark.parametrize(
    ("last", "way_out"),
    [
        (WAITING, "switch it off and on: its boot loader starts the old system again"),
        (replace(WAITING, is_once=False), "at its console, choose generation 41 in the boot menu"),
        (replace(WAITING, is_once=None), f"look at its console; {OLD} is what it ran before"),
        (None, f"look at its console; {OLD} is what it ran before"),
    ],
)
def test_of_a_host_that_is_lost_the_way_out_is_said(last: RebootState | None, way_out: str) -> None:
    found = lost("no answer within 10 s", last, ORDER)
    assert found == Rebooted(RebootEnding.UNREACHABLE, f"did not come back (no answer within 10 s); {way_out}")


def test_a_host_is_given_the_time_of_two_boots_and_of_the_wait_between() -> None:
    assert patience(ORDER, 600) > 2 * 600 + ORDER.probation_seconds
    assert patience(ORDER, 700) - patience(ORDER, 600) == 200


def test_the_way_back_is_to_what_the_host_has_booted_as_long_as_it_keeps_that() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    kept = tuple(Generation(number, now, path, None, None) for number, path in ((40, OLD), (41, THIRD)))
    booted = System(OLD, None, None, {})
    state = HostState("x86_64", "boot-1", now, System(THIRD, None, None, {}), booted, 41, {}, kept, "running", ())
    assert way_back(state, THIRD) == OLD
    assert way_back(replace(state, generations=kept[1:]), THIRD) == THIRD
    assert way_back(replace(state, booted=None), THIRD) == THIRD
