"""What keeps a host from switching to a system, so that it has to boot it."""

from __future__ import annotations

import pytest

from pyhomelab.hindrances import hindrances

INIT, INHIBITORS = "init-interface-version", "switch-inhibitors"


def test_the_same_system_hinders_nothing() -> None:
    files = {INIT: "systemd 2", INHIBITORS: '{"dbus-implementation":"dbus"}'}
    assert hindrances(files, files) == ()


def test_another_init_has_to_be_booted() -> None:
    assert hindrances({INIT: "systemd 2\n"}, {INIT: "systemd 3"}) == ("its init",)


def test_an_inhibitor_counts_if_both_systems_have_it_and_differ() -> None:
    before = {INHIBITORS: '{"b": "1", "a": "1", "same": "1", "gone": "1"}'}
    after = {INHIBITORS: '{"b": "2", "a": "2", "same": "1", "new": "1"}'}
    assert hindrances(before, after) == ("a", "b")


@pytest.mark.parametrize("text", ["", "[]", '["dbus"]', "{", "null", '"x"'])
def test_what_older_systems_wrote_there_hinders_nothing(text: str) -> None:
    assert hindrances({INHIBITORS: text}, {INHIBITORS: '{"a": "1"}'}) == ()
    assert hindrances({INHIBITORS: '{"a": "1"}'}, {INHIBITORS: text}) == ()


def test_a_file_that_one_of_them_lacks_hinders_nothing() -> None:
    assert hindrances({}, {INIT: "systemd 2", INHIBITORS: '{"a": "1"}'}) == ()


def test_a_name_shows_nothing_that_steers_a_terminal() -> None:
    assert hindrances({INHIBITORS: '{"a\\u001b[31mb": "1"}'}, {INHIBITORS: '{"a\\u001b[31mb": "2"}'}) == ("ab",)
