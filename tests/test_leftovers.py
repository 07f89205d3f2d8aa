"""What the journal tells of a run that was cut short."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from pyhomelab.deployment.journal import DEPLOYED, Entry
from pyhomelab.deployment.probation import written
from pyhomelab.deployment.resume import leftovers, trial_of
from pyhomelab.deployment.runs import Result
from pyhomelab.trials.reboots import Mode
from pyhomelab.trials.trial import UNCONFIRMED, Order, Trial

NUMBERS = count()
NOW = datetime(2026, 3, 1, 20, 15, tzinfo=UTC)


def entry(host: str, stage: str, outcome: str | None = None, **details: str) -> Entry:
    return Entry(next(NUMBERS), host, stage, NOW, None if outcome is None else NOW, outcome, details)


def test_a_machine_that_was_deployed_is_done_with() -> None:
    left = leftovers([entry("dl1", "copy", "copied"), entry("dl1", "activate", DEPLOYED)], Mode.NEVER)
    assert left.results == {"dl1": Result(DEPLOYED, "before this deploy was resumed", is_well=True)}
    assert (left.cut_short, left.drained) == ({}, frozenset())


def test_a_machine_that_is_to_be_rebooted_is_done_with_when_it_was() -> None:
    entries = [entry("dl1", "activate", DEPLOYED)]
    assert leftovers(entries, Mode.NEEDED).results == {}
    entries.append(entry("dl1", "reboot", DEPLOYED))
    assert list(leftovers(entries, Mode.NEEDED).results) == ["dl1"]


def test_a_machine_that_went_back_because_of_its_system_is_done_with() -> None:
    left = leftovers([entry("dl1", "activate", "rolled back", why="web.service failed")], Mode.NEVER)
    assert left.results == {"dl1": Result("rolled back", "web.service failed")}


def test_a_machine_that_went_back_for_want_of_a_word_is_tried_again() -> None:
    left = leftovers([entry("dl1", "activate", "rolled back", why=f"{UNCONFIRMED} within 120 s")], Mode.NEVER)
    assert left.results == {}


def test_what_kept_a_machine_from_its_system_may_have_passed() -> None:
    entries = [entry("dl1", "copy", "not copied"), entry("dl2", "activate", "refused"), entry("dl3", "copy")]
    left = leftovers(entries, Mode.NEVER)
    assert (left.results, left.cut_short) == ({}, {})


def test_a_stage_without_an_end_has_to_be_asked_about_unless_a_later_one_has_an_end() -> None:
    first, second = entry("dl1", "activate"), entry("dl1", "activate", DEPLOYED)
    assert leftovers([first], Mode.NEVER).cut_short == {"dl1": first}
    assert leftovers([first, second], Mode.NEVER).cut_short == {}


def test_nodes_that_were_emptied_and_not_opened_again_are_left_closed() -> None:
    entries = [
        entry("dl1", "drain", "drained"),
        entry("dl2", "drain", "drained"),
        entry("dl1", "uncordon", "uncordoned"),
    ]
    assert leftovers(entries, Mode.NEEDED).drained == {"dl2"}


def test_a_trial_is_read_back_as_it_was_written_down() -> None:
    trial = Trial("dl1", "run", Order("/nix/store/a-old", "/nix/store/b-new", probation_seconds=9), "mika@desk")
    assert trial_of(entry("dl1", "activate", **written(trial, {})), "run") == trial
