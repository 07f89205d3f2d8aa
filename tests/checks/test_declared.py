"""What the inventory declares, asked on this machine; and that no value of it is anything but a value."""

from __future__ import annotations

import shlex
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pyhomelab.checks import checks_of
from pyhomelab.checks.check import script
from pyhomelab.model.check import Endpoint, HttpUrl, UnitName
from tests.checks.asking import SHELLS, Here, asked, needs, stand_in
from tests.checks.test_kubernetes import page
from tests.labs import lab

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.checks import Check

UNITS = """case $2 in
    --property=LoadState) [ "$5" = absent.service ] && echo not-found || echo loaded ;;
    --property=ActiveState) echo "${5%.service}" ;;
esac"""
LINE = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1).filter(str.isprintable)


def declared(**check: Any) -> Check:
    return checks_of(lab({"hosts.dl1.checks": {"mine": check}}))["dl1"][-1]


def found(tmp_path: Path, check: Check, **programs: str) -> tuple[int, str]:
    return asked(check, Here(stand_in(tmp_path / "bin", **programs)))


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("active", (0, "")),
        ("reloading", (0, "")),
        ("inactive", (1, "it is inactive")),
        ("failed", (1, "it is failed")),
        ("activating", (1, "it is activating")),
        ("absent", (69, "there is no such unit")),
    ],
)
def test_a_unit_is_active_or_says_what_it_is(tmp_path: Path, unit: str, expected: tuple[int, str]) -> None:
    assert found(tmp_path, declared(unit=f"{unit}.service"), systemctl=UNITS) == expected


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "[::1]")])
def test_a_port_that_is_open_holds_and_one_that_is_closed_does_not(
    tmp_path: Path, family: socket.AddressFamily, host: str
) -> None:
    with socket.socket(family) as server:
        try:
            server.bind((host.strip("[]"), 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        server.listen()
        check = declared(tcp=f"{host}:{server.getsockname()[1]}")
        assert found(tmp_path, check) == (0, "")
    code, said = found(tmp_path, check)
    assert code == 1
    assert "Connection refused" in said


def test_a_port_where_nobody_answers_is_not_waited_for_longer_than_allowed(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        with socket.socket() as first, socket.socket() as second:  # what takes up the queue
            for one in (first, second):
                one.setblocking(False)  # noqa: FBT003 - the name of the method says it
                one.connect_ex(server.getsockname())
            check = declared(tcp=f"127.0.0.1:{server.getsockname()[1]}", timeout="1s")
            assert found(tmp_path, check) == (1, "no answer within 1 s")


@needs("curl", "curl")
@pytest.mark.parametrize(
    ("status", "wanted", "expected"),
    [
        (200, {}, (0, "")),
        (204, {"status": "204"}, (0, "")),
        (503, {}, (1, "it answers with 503")),
        (200, {"status": "204"}, (1, "it answers with 200")),
    ],
)
def test_a_page_answers_with_its_status(
    tmp_path: Path, status: int, wanted: dict[str, str], expected: tuple[int, str]
) -> None:
    with page(status, "hello") as port:
        check = declared(http=f"http://127.0.0.1:{port}/a?b=[c]&d='e'", **wanted)
        assert found(tmp_path, check) == expected
    code, said = found(tmp_path, check)
    assert (code, said.startswith("curl: (7) Failed to connect")) == (1, True)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("true", (0, "")),
        ("echo fine", (0, "fine")),
        ("exit 69", (1, "exit 69")),
        ("echo 'no such backup'; false", (1, "no such backup\nexit 1")),
        ("test -e /nowhere && echo there", (1, "exit 1")),
    ],
)
def test_a_command_ends_with_0_or_says_with_what(tmp_path: Path, command: str, expected: tuple[int, str]) -> None:
    assert found(tmp_path, declared(command=command)) == expected


@given(value=LINE)
def test_no_value_is_anything_but_a_value_to_a_script(value: str) -> None:
    text = script('printf %s "$VALUE"', VALUE=value)
    for shell in SHELLS:
        done = subprocess.run([shell, "-s"], input=text.encode(), capture_output=True, check=True)
        assert done.stdout.decode() == value


@given(command=LINE)
def test_a_command_reaches_its_own_shell_as_it_was_written(command: str) -> None:
    expected = declared(command="x").script.replace("COMMAND=x\n", f"COMMAND={shlex.quote(command)}\n")
    assert declared(command=command).script == expected


@given(
    unit=st.from_regex(r"[A-Za-z0-9_:][A-Za-z0-9_:.@\\-]{0,30}\.service", fullmatch=True),
    tcp=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}:[1-9][0-9]{0,3}", fullmatch=True),
    http=st.from_regex(r"https?://[A-Za-z0-9\[][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{0,40}", fullmatch=True),
)
def test_units_ports_and_pages_are_words_to_every_shell(unit: str, tcp: str, http: str) -> None:
    assert TypeAdapter(UnitName).validate_python(unit) == unit
    assert TypeAdapter(Endpoint).validate_python(tcp) == tcp
    assert TypeAdapter(HttpUrl).validate_python(http) == http
    host, _, port = tcp.rpartition(":")
    assert f"UNIT={shlex.quote(unit)}\n" in declared(unit=unit).script
    assert f"HOST={shlex.quote(host)}\nPORT={port}\n" in declared(tcp=tcp).script
    assert f"URL={shlex.quote(http)}\n" in declared(http=http).script
