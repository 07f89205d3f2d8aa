"""`pyhomelab verify` on real hosts: that are well, that are not, that do not answer, and that let nobody be root."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from typing import TYPE_CHECKING
from xml.etree.ElementTree import parse

import pytest

from tests.checks.asking import check_of
from tests.lab.needs import missing_for_systems
from tests.lab.systems import UNWELL, build_with, copy
from tests.lab.told import Admin
from tests.modules.sources import ROOT
from tests.terminal import on_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

DECLARED = f"well: `test ! -e {UNWELL}` succeeds"


@pytest.fixture
def admin(installed_hosts: dict[str, LabHost], lab_directory: Path, tmp_path: Path) -> Admin:
    return Admin(lab_directory, tmp_path / "home", installed_hosts)


def declare(admin: Admin, name: str, **checks: dict[str, str]) -> None:
    """Declare more checks for a host."""
    file = admin.directory / "hosts/inventory.yaml"
    inventory = json.loads(file.read_text())
    inventory["hosts"][name]["checks"] |= checks
    file.write_text(json.dumps(inventory))


def test_hosts_that_are_well_are_said_to_be_so(admin: Admin) -> None:
    told = admin.tells("verify")
    assert (told.code, told.remarks) == (0, [])
    assert told.rows == [[name, "4", "4", "0", "0", "well"] for name in ("n1", "n2", "n3")]
    lines = ("asking its checks", "verify: well: 4 of 4 checks hold")
    assert sorted(told.err) == [f"{name}: {line}" for name in ("n1", "n2", "n3") for line in lines]


def test_what_fails_is_told_with_what_to_do_and_the_others_are_not_hidden(admin: Admin) -> None:
    admin.hosts["n2"].run(f"touch {UNWELL}")
    told = admin.tells("verify")
    assert told.code == 1
    assert [row[-1] for row in told.rows] == ["well", "not well", "well"]
    assert told.remarks == [
        f"n2: {DECLARED}: fails: exit 1",
        f"n2:   on n2, run it as root to see why: `test ! -e {UNWELL}`",
    ]
    assert told.err[-1] == "1 check fails on n2"
    n2 = admin.knows("verify", "--host", "n2")["n2"]
    assert [check["verdict"] for check in n2["checks"]] == ["holds", "holds", "holds", "fails"]


def test_a_host_that_does_not_answer_was_not_verified_and_nothing_of_it_passes(admin: Admin, tmp_path: Path) -> None:
    admin.config("ConnectTimeout 1")
    admin.hosts["n3"].cut_network()
    told = admin.tells("verify", "--on", "n1,n3", "--junit", str(tmp_path / "found.xml"))
    address = admin.hosts["n3"].address
    silence = f"root@{address} cannot be reached: no answer within 1 s"
    assert told.code == 5
    assert told.rows == [["n1", "4", "4", "0", "0", "well"], ["n3", "4", "0", "0", "4", "unreachable"]]
    assert told.err[-2:] == [
        f"n3: {silence}; see that it is switched on, and that its address is right",
        "4 checks could not be run on n3",
    ]
    suites = {suite.get("name"): suite for suite in parse(tmp_path / "found.xml").getroot()}  # noqa: S314 - our own
    assert (suites["n1"].get("errors"), suites["n3"].get("errors")) == ("0", "4")
    assert {error.get("message") for error in suites["n3"].iter("error")} == {silence}


def test_who_may_not_become_root_is_told_so_and_nothing_passes(admin: Admin) -> None:
    admin.config("User careful")
    told = admin.tells("verify", "--host", "n1")
    assert (told.code, told.rows) == (5, [["n1", "4", "0", "0", "4", "no root"]])
    assert told.err[-2:] == [
        "n1: careful may not become root: sudo wants a password, and there is no terminal to ask for it; "
        "log in as root, or as somebody whom sudo lets run everything",
        "4 checks could not be run on n1",
    ]


def test_what_comes_true_in_its_time_is_waited_for_only_if_that_is_asked_for(admin: Admin) -> None:
    late = "test $(($(date +%s) - $(stat -c %Y /run/late))) -ge 8"
    declare(admin, "n1", late={"command": late, "timeout": "60s"})
    admin.hosts["n1"].run("touch /run/late")
    assert admin.tells("verify", "--host", "n1").code == 1
    told = admin.tells("verify", "--host", "n1", "--wait", "50s")
    assert told.code == 0
    assert told.err == [
        "n1: asking its checks",
        f"n1: not yet: late: `{late}` succeeds",
        "n1: verify: well: 5 of 5 checks hold",
    ]


def test_a_check_that_cannot_be_run_is_not_passed(admin: Admin) -> None:
    declare(admin, "n1", web={"unit": "absent.service"})
    told = admin.tells("verify", "--host", "n1")
    assert (told.code, told.rows) == (5, [["n1", "5", "4", "0", "1", "not well"]])
    assert told.remarks == ["n1: web: absent.service is active: not run: there is no such unit"]
    assert told.err[-1] == "1 check could not be run on n1"


def test_a_deep_look_finds_what_a_deploy_does_not_ask_for(admin: Admin, first_systems: dict[str, str]) -> None:
    n1 = admin.hosts["n1"]
    tried = build_with(admin.directory, "n1", 'environment.etc.tried.text = "yes";')
    copy(n1, tried, "--no-check-sigs")
    n1.run(f"{tried}/bin/switch-to-configuration test; systemd-run --unit=broken false; sleep 0.5")
    assert admin.tells("verify", "--host", "n1").code == 0
    checks = admin.knows("verify", "--host", "n1", "--deep")["n1"]["checks"]
    found = {check["name"]: (check["verdict"], check["said"]) for check in checks if check["deep"]}
    assert found["no unit has failed"] == ("fails", "broken.service")
    assert found["the next boot starts what it runs now"] == (
        "fails",
        f"it runs {tried}, the next boot starts {first_systems['n1']}",
    )
    assert found["its clock is synchronised"][0] != "not run"


def test_asking_changes_nothing_on_a_host(admin: Admin) -> None:
    look = (
        "find /etc /boot /nix /root /home /var/lib /run -xdev -name '*' -not -path '/run/systemd/*' -printf '%p %l\\n'"
    )
    before = admin.hosts["n1"].said(f"{look} | grep -v -e /run/user -e /run/log | sort")
    admin.tells("verify", "--host", "n1", "--deep")
    assert admin.hosts["n1"].said(f"{look} | grep -v -e /run/user -e /run/log | sort") == before


def at_terminal(admin: Admin, *words: str) -> tuple[list[str], dict[str, str]]:
    """The program and its environment, for a terminal."""
    environment = {name: value for name, value in os.environ.items() if name not in ("SSH_AUTH_SOCK", "NO_COLOR")}
    place = {"HOME": str(admin.home), "PYTHONPATH": str(ROOT), "TERM": "xterm", "LANG": "C.UTF-8"}
    words = ("-m", "pyhomelab", "verify", *words, str(admin.directory / "hosts"))
    return [sys.executable, *words], {**environment, **place}


def test_at_a_terminal_the_password_of_sudo_is_asked_for_once(admin: Admin) -> None:
    admin.config("User careful")
    with on_terminal(*at_terminal(admin, "--on", "n1,n2")) as terminal:
        terminal.wait("Password for sudo:", 60)
        terminal.type("lab\r")
        assert terminal.end(90) == 0
        shown = [re.sub(" +", " ", line).strip() for line in terminal.screen.text.splitlines()]
    assert [line for line in shown if line.endswith(" 0 0 well")] == ["n1 4 4 0 0 well", "n2 4 4 0 0 well"]
    assert len([line for line in shown if "Password for sudo" in line]) == 1
    rows = [re.sub(r" \d:\d\d$", "", line) for line in shown if line.startswith("✓")]
    assert [row.split()[1:3] for row in rows] == [["n1", "well"], ["n2", "well"]]


def test_ctrl_c_does_not_wait_for_a_host_that_keeps_silent(admin: Admin) -> None:
    admin.hosts["n2"].cut_network()
    with on_terminal(*at_terminal(admin, "--host", "n2")) as terminal:
        terminal.wait("asking its checks", 60)
        began = time.monotonic()
        terminal.type("\x03")
        assert terminal.end(20) == 1
        assert time.monotonic() - began < 10
        assert terminal.screen.text.splitlines()[-1] == "Aborted!"
        assert terminal.screen.has_cursor


COMPARED = "homelab-drbd-vmstore-verify"
UNITS = f"""
mkdir -p /run/compared /run/systemd/system
printf '9.2.16\\n' >/run/compared/version
printf '#!/bin/sh\\n' >/run/compared/drbdadm
printf '#!/bin/sh\\necho out-of-sync:0\\n' >/run/compared/drbdsetup
chmod +x /run/compared/drbdadm /run/compared/drbdsetup
printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c "echo 12 KiB differ; test ! -e /run/compared/differs"\\n' \\
    >/run/systemd/system/{COMPARED}.service
printf '[Timer]\\nOnCalendar=monthly\\n' >/run/systemd/system/{COMPARED}.timer
systemctl daemon-reload
"""


def test_a_comparison_of_copies_is_judged_by_what_systemd_says_of_it(admin: Admin) -> None:
    n1 = admin.hosts["n1"]
    script = check_of("dl1", "the copies of volume vmstore are equal").script
    script = f"PATH=/run/compared:$PATH\n{script.replace('/sys/module/drbd/version', '/run/compared/version')}"

    def said() -> tuple[int, str]:
        done = n1.run(script, check=False)
        return done.returncode, done.stdout.strip()

    n1.run("mkdir -p /run/compared; printf '9.2.16\\n' >/run/compared/version; ln -s /bin/true /run/compared/drbdadm")
    assert said() == (69, f"there is no {COMPARED}.timer here")
    n1.run(f"rm -r /run/compared; {UNITS}")
    assert said() == (1, f"{COMPARED}.timer is not active")
    n1.run(f"systemctl start {COMPARED}.timer")
    assert said() == (69, "they were not compared yet")
    n1.run(f"systemctl start {COMPARED}.service")
    assert said() == (0, "")
    n1.run(f"touch /run/compared/differs; systemctl start {COMPARED}.service; journalctl --sync", check=False)
    assert said() == (1, "the last comparison failed\n12 KiB differ")
