from __future__ import annotations

from typing import Any

import pytest

from pyhomelab.inventory.load import understand
from tests.labs import said, written

CHECK = "hosts.dl1.checks"
ONE = {"unit": "nginx.service"}


@pytest.mark.parametrize(
    "check",
    [
        {"unit": "nginx.service"},
        {"unit": "getty@tty1.service", "timeout": "2m"},
        {"tcp": "192.168.10.1:53"},
        {"tcp": "[fd00::1]:53"},
        {"tcp": "localhost:65535"},
        {"http": "https://localhost/health", "status": "204", "timeout": "30s"},
        {"http": "http://[::1]:8080/a?b=c#d"},
        {"command": "test -e /tank/backup/last"},
    ],
)
@pytest.mark.parametrize("machine", ["hosts.dl1", "guests.k8s-1"])
def test_a_check_asks_for_a_unit_a_port_a_page_or_a_command(machine: str, check: dict[str, str]) -> None:
    assert said({f"{machine}.checks": {"mine": check}}) == []


@pytest.mark.parametrize(
    ("check", "line"),
    [
        ({}, "asks nothing; add `unit:`, `tcp:`, `http:` or `command:`"),
        ({"timeout": "30s"}, "asks nothing; add `unit:`, `tcp:`, `http:` or `command:`"),
        (
            {"tcp": "localhost:80", "unit": "nginx.service"},
            "asks 2 things at once: unit and tcp; make a check of its own for each",
        ),
        (
            {"http": "http://localhost", "tcp": "localhost:80", "command": "true"},
            "asks 3 things at once: tcp, http and command; make a check of its own for each",
        ),
    ],
)
def test_a_check_asks_one_thing(check: dict[str, str], line: str) -> None:
    assert said({CHECK: {"mine": check}}) == [f"{CHECK}.mine: {line}"]
    assert said({"guests.k8s-2.checks": {"mine": check}}) == [f"guests.k8s-2.checks.mine: {line}"]


def test_only_a_page_has_a_status() -> None:
    assert said({CHECK: {"mine": ONE | {"status": "200"}}}) == [
        f"{CHECK}.mine.status: 200 is of no use without `http`; take it out, or ask a page by `http:`"
    ]


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("unit", "nginx", "is not the name of a unit of systemd; write it with its ending, such as nginx.service"),
        ("unit", "-a.service", "is not the name of a unit of systemd; write it with its ending, such as nginx.service"),
        (
            "unit",
            "a b.service",
            "is not the name of a unit of systemd; write it with its ending, such as nginx.service",
        ),
        *(
            (
                "tcp",
                value,
                "is not an address with a port; write it like localhost:5432, 192.168.10.1:53 or [fd00::1]:53",
            )
            for value in ("localhost", "localhost:0", "localhost:65536", "fd00::1:53", "a b:1", "$(reboot):1", "-x:1")
        ),
        *(
            (
                "http",
                value,
                "is not the URL of a web page; write it like http://localhost:8080/health, with %20 for a space",
            )
            for value in ("localhost", "ftp://localhost", "http://", "http://a b", "http://a/`id`", "http://-a")
        ),
        ("status", "99", "is not a whole number that fits; write one from 100 to 599"),
        ("timeout", "30", "is not a duration; write it like 30s, 5m or 1h"),
        ("timeout", "0s", "is not a duration from a second to an hour; write it like 30s, 5m or 1h"),
        ("timeout", "61m", "is not a duration from a second to an hour; write it like 30s, 5m or 1h"),
        ("command", "", "is not text; write a word or a sentence"),
        ("command", "a\nb", "holds a line break or a control character; write it on one line"),
    ],
)
def test_a_value_that_cannot_be_asked_is_refused_with_the_way_out(key: str, value: Any, line: str) -> None:
    check = {"http": "http://localhost"} if key in ("status", "timeout") else {}
    _, mistakes = understand(written({CHECK: {"mine": check | {key: value}}}))
    assert [
        f"{'.'.join(map(str, mistake.path))}: {mistake.reason}; {mistake.hint}"
        for mistake in mistakes
        if mistake.path[-1] == key
    ] == [f"{CHECK}.mine.{key}: {line}"]


def test_a_key_that_nobody_knows_gets_a_near_miss() -> None:
    _, mistakes = understand(written({CHECK: {"mine": {"htpp": "http://localhost"}}}))
    assert mistakes[0].hint == "did you mean http?"
