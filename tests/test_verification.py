"""What was found of the checks of machines: counts, what the program ends with, data for programs, JUnit's XML."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring

import pytest

from pyhomelab.checks import Check, Finding, checks_of
from pyhomelab.errors import HomelabError, Unhealthy
from pyhomelab.health.junit import junit
from pyhomelab.health.verification import NotVerified, Verified, as_data, refuse_unwell, scripts_of
from pyhomelab.shell import Unreachable
from tests.labs import lab

if TYPE_CHECKING:
    from pyhomelab.checks import Verdict

UP = Check("the system is up", "base", "true", 120, "`journalctl -xb`")
POOL = Check("pool tank is ONLINE", "zfs", "zpool list", 10, "`zpool status tank`", deep=True)
GUEST = Check("guest nas is running", "kvm", "virsh list", 120, "`virsh start nas`")
SILENCE = Unreachable("root@192.168.10.12 cannot be reached", where="dl2", hint="see that it is switched on")
MOMENT = datetime(2026, 11, 21, 9, 30, 15, 123456, tzinfo=UTC)


def found(check: Check, verdict: Verdict = "holds", said: str = "", *, is_due: bool = True) -> Finding:
    return Finding(check, verdict, said, 3, is_due)


WELL = Verified("dl1", (found(UP), found(POOL)))
ILL = Verified("dl3", (found(UP), found(POOL, "fails", "tank is DEGRADED")))
SILENT = Verified.of("dl2", [UP, POOL], SILENCE)
MOVED = Verified("dl4", (found(UP), found(GUEST, "not run", "it may run there", is_due=False)))
LOST = Verified("dl5", (found(GUEST, "not run", "there is no virsh here"),))


def refused(*machines: Verified) -> HomelabError:
    with pytest.raises(HomelabError) as raised:
        refuse_unwell(machines)
    return raised.value


def test_machines_that_are_well_are_not_refused() -> None:
    refuse_unwell([WELL, MOVED])
    assert (WELL.is_well, MOVED.is_well, str(MOVED)) == (True, True, "1 of 2 checks hold")


def test_a_check_that_fails_is_the_first_thing_to_be_told() -> None:
    error = refused(WELL, ILL)
    assert (type(error), error.exit_code, str(error)) == (Unhealthy, 1, "1 check fails on dl3")
    error = refused(ILL, SILENT, Verified("dl6", ILL.findings), LOST)
    assert (type(error), error.exit_code) == (Unhealthy, 1)
    assert str(error) == "2 checks fail on dl3 and dl6; 3 checks could not be run on dl2 and dl5"


def test_a_check_that_was_not_run_is_not_passed() -> None:
    error = refused(WELL, LOST)
    assert (type(error), error.exit_code, str(error)) == (NotVerified, 5, "1 check could not be run on dl5")


def test_of_a_machine_that_does_not_answer_nothing_was_run_and_each_check_has_the_reason() -> None:
    assert [(one.check, one.verdict, one.said) for one in SILENT.findings] == [
        (UP, "not run", "root@192.168.10.12 cannot be reached"),
        (POOL, "not run", "root@192.168.10.12 cannot be reached"),
    ]
    assert (SILENT.is_well, str(SILENT)) == (False, "0 of 2 checks hold, 2 not run")


def test_a_check_without_an_answer_was_not_run() -> None:
    verified = Verified.of("dl1", [UP, POOL], {UP.name: found(UP)})
    assert [(one.check.name, one.verdict) for one in verified.findings] == [(UP.name, "holds"), (POOL.name, "not run")]
    assert not verified.is_well


def test_a_machine_says_in_a_line_how_its_checks_ended() -> None:
    assert str(WELL) == "2 of 2 checks hold"
    assert str(ILL) == "1 of 2 checks hold, 1 fail"


def test_data_has_every_check_and_the_counts_of_all_machines() -> None:
    data = as_data([WELL, ILL, SILENT, MOVED])
    assert data["counts"] == {"hold": 4, "fail": 1, "not_run": 2, "elsewhere": 1}
    assert data["hosts"]["dl3"] == {  # type: ignore[index]
        "state": "answered",
        "checks": [
            {
                "name": "the system is up",
                "role": "base",
                "about": None,
                "deep": False,
                "verdict": "holds",
                "said": "",
                "seconds": 3,
                "is_due": True,
                "mend": "`journalctl -xb`",
            },
            {
                "name": "pool tank is ONLINE",
                "role": "zfs",
                "about": None,
                "deep": True,
                "verdict": "fails",
                "said": "tank is DEGRADED",
                "seconds": 3,
                "is_due": True,
                "mend": "`zpool status tank`",
            },
        ],
    }
    silent = data["hosts"]["dl2"]  # type: ignore[index]
    assert (silent["state"], silent["said"]) == ("unreachable", str(SILENCE))


def test_the_checks_of_a_lab_are_data_with_their_scripts() -> None:
    inventory = lab()
    shallow, deep = scripts_of(inventory), scripts_of(inventory, deep=True)
    assert shallow.keys() == checks_of(inventory).keys()
    first = checks_of(inventory)["dl1"][0]
    assert shallow["dl1"][0] == {
        "name": first.name,
        "role": "base",
        "about": None,
        "deep": False,
        "script": first.script,
        "patience": 120,
        "limit": 20,
        "mend": first.mend,
    }
    assert [check for check in deep["dl1"] if not check["deep"]] == shallow["dl1"]
    assert len(deep["dl1"]) > len(shallow["dl1"])


def report(*machines: Verified) -> Element:
    written = junit(machines, MOMENT)
    assert written.startswith(b"<?xml version='1.0' encoding='utf-8'?>\n<testsuites ")
    return fromstring(written)  # noqa: S314 - our own


def test_junit_has_a_suite_a_machine_and_a_case_a_check() -> None:
    root = report(WELL, ILL, SILENT, MOVED)
    assert root.tag == "testsuites"
    assert root.attrib == {"name": "pyhomelab verify", "tests": "8", "failures": "1", "errors": "2"}
    assert [suite.attrib for suite in root][1] == {
        "name": "dl3",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
        "time": "3",
        "timestamp": "2026-11-21T09:30:15",
        "hostname": "dl3",
    }
    assert [case.attrib for case in root[1]] == [
        {"classname": "dl3.base", "name": "the system is up", "time": "3"},
        {"classname": "dl3.zfs", "name": "pool tank is ONLINE", "time": "3"},
    ]


def test_junit_tells_failures_from_what_was_not_run_and_from_what_is_elsewhere() -> None:
    told = {
        (suite.get("name"), case.get("name")): [
            (end.tag, end.get("type"), end.get("message"), end.text) for end in case
        ]
        for suite in report(ILL, LOST, MOVED)
        for case in suite
    }
    assert told == {
        ("dl3", UP.name): [],
        ("dl3", POOL.name): [("failure", "fails", "tank is DEGRADED", "tank is DEGRADED\n`zpool status tank`")],
        ("dl5", GUEST.name): [("error", "not run", "there is no virsh here", "there is no virsh here")],
        ("dl4", UP.name): [],
        ("dl4", GUEST.name): [("skipped", "not here", "it may run there", "it may run there")],
    }


def test_the_counts_of_a_suite_are_those_of_its_cases() -> None:
    for suite in report(WELL, ILL, SILENT, MOVED, LOST):
        cases = list(suite)
        counted = [len(cases), *(len(list(suite.iter(tag))) for tag in ("failure", "error", "skipped"))]
        assert [int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")] == counted


def test_words_that_xml_has_to_escape_come_back_as_they_were() -> None:
    said = "x < 1 && \"y\" > 'z' ü ]]> \U0001f600"
    (failure,) = report(Verified("dl1", (found(UP, "fails", said),))).iter("failure")
    assert failure.get("message") == said


def test_a_reason_that_was_not_given_is_said_to_be_none() -> None:
    (failure,) = report(Verified("dl1", (found(UP, "fails"),))).iter("failure")
    assert failure.get("message") == "no reason was given"


def test_no_machine_is_no_suite() -> None:
    root = report()
    assert (len(root), root.get("tests")) == (0, "0")
    assert as_data([]) == {"counts": {"hold": 0, "fail": 0, "not_run": 0, "elsewhere": 0}, "hosts": {}}
