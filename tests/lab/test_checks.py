"""Declared checks on real hosts: over ssh, by their systemd, their network and their shell."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.checks import checks_of, objections, still_failing, worth_waiting_for
from pyhomelab.health.checking import examine
from pyhomelab.machines.targets import Target
from pyhomelab.model import Ssh
from pyhomelab.shell.network import Network
from tests.lab.needs import missing
from tests.labs import lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pyhomelab.checks import Check, Finding
    from pyhomelab.shell import Shell
    from tests.lab.hosts import LabHost

pytestmark = pytest.mark.skipif(missing() != "", reason=missing() or "nothing is missing")

Hosts = dict[str, "LabHost"]
SERVED = "/run/served"
UNITS = f"""
mkdir -p {SERVED} && echo hello >{SERVED}/health
systemctl reset-failed 2>/dev/null
systemd-run --quiet --unit=good --service-type=exec sleep 600
systemd-run --quiet --unit=bad --property=RemainAfterExit=yes false
systemd-run --quiet --unit=web --service-type=exec busybox httpd -f -p 127.0.0.1:8080 -h {SERVED}
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab_hosts: Hosts) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(f"IdentityFile {lab_hosts['n1'].key}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def host(lab_hosts: Hosts) -> Iterator[LabHost]:
    """A host with a unit that runs, one that failed, and a web server."""
    n1 = lab_hosts["n1"]
    n1.run(UNITS)
    n1.run(
        f"for n in 1 2 3 4 5 6 7 8 9 10; do curl -s http://127.0.0.1:8080/health && exit 0; sleep 1; done; ls {SERVED}; exit 1"
    )
    yield n1
    n1.run("systemctl stop good web; systemctl reset-failed; true")


@contextmanager
def shell_of(host: LabHost, user: str = "root") -> Iterator[Shell]:
    target = Target(host.name, host.address, Ssh(user=user), host.host_key, host.place / "pin", "x86_64-linux", ())
    with Network({host.name: target}) as network:
        shell = network.open(target, as_root=True)
        try:
            yield shell
        finally:
            shell.close()


def declared(**checks: Any) -> list[Check]:
    found = checks_of(lab({"hosts.dl1.checks": checks}))["dl1"]
    return [check for check in found if check.role == "declared"]


def found(host: LabHost, checks: Mapping[str, Any], *, waits: bool = False, user: str = "root") -> dict[str, Finding]:
    with shell_of(host, user) as shell:
        return examine(shell, host.name, declared(**checks), waits=waits)


def told(findings: dict[str, Finding]) -> list[tuple[str, str]]:
    return [(finding.verdict, finding.said) for finding in findings.values()]


WELL = {
    "unit": {"unit": "good.service"},
    "tcp": {"tcp": "127.0.0.1:8080"},
    "page": {"http": "http://localhost:8080/health"},
    "missing": {"http": "http://localhost:8080/none", "status": "404"},
    "command": {"command": f'test "$(cat {SERVED}/health)" = hello && test $(id -u) = 0'},
}


@pytest.mark.parametrize("user", ["root", "admin"])
def test_what_is_well_on_a_host_holds_whoever_logs_in(host: LabHost, user: str) -> None:
    assert told(found(host, WELL, user=user)) == [("holds", "")] * len(WELL)


def test_what_is_not_well_on_a_host_says_why(host: LabHost) -> None:
    checks = {
        "unit": {"unit": "bad.service"},
        "absent": {"unit": "absent.service"},
        "tcp": {"tcp": "127.0.0.1:8081"},
        "page": {"http": "http://localhost:8080/none"},
        "command": {"command": "echo 'the backup is old' >&2; false"},
    }
    unit, absent, tcp, page, command = told(found(host, checks))
    assert unit == ("fails", "it is failed")
    assert absent == ("not run", "there is no such unit")
    assert tcp[0] == "fails"
    assert "Connection refused" in tcp[1]
    assert page == ("fails", "it answers with 404")
    assert command == ("fails", "the backup is old; exit 1")


def test_a_command_that_hangs_is_cut_at_its_time_and_gone(host: LabHost) -> None:
    began = time.monotonic()
    hung = found(host, {"hangs": {"command": "sleep 4321", "timeout": "2s"}, "well": {"command": "true"}})
    assert told(hung) == [("fails", "it did not end within 2 s"), ("holds", "")]
    assert time.monotonic() - began < 30
    assert host.run("pgrep -f 'sleep 4321'", check=False).stdout == ""


def test_a_service_that_comes_up_late_is_waited_for(host: LabHost) -> None:
    host.run("systemctl stop good; systemd-run --quiet --on-active=5 --unit=later systemctl start late.service; true")
    host.run(
        "systemd-run --quiet --unit=late --service-type=exec sh -c 'sleep 4; exec busybox httpd -f -p 127.0.0.1:8090'"
    )
    try:
        late = {"late": {"tcp": "127.0.0.1:8090", "timeout": "60s"}}
        assert told(found(host, late))[0][0] == "fails"
        assert told(found(host, late, waits=True)) == [("holds", "")]
    finally:
        host.run("systemctl stop late later.timer; true")


def test_what_a_change_breaks_is_an_objection_and_what_was_broken_is_not(host: LabHost) -> None:
    checks = declared(
        web={"unit": "web.service"}, bad={"unit": "bad.service", "timeout": "60s"}, good={"unit": "good.service"}
    )
    with shell_of(host) as shell:
        before = examine(shell, host.name, checks, waits=False)
        host.run("systemctl kill --signal=KILL web")
        began = time.monotonic()
        after = examine(shell, host.name, checks, waits=worth_waiting_for(before), at_most=5)
    assert objections(before, after) == ("web: web.service is active: not any more (it is failed)",)
    assert still_failing(before, after) == ("bad: bad.service is active",)
    assert time.monotonic() - began < 40


def test_the_roles_of_a_host_without_them_judge_nothing_and_break_nothing(host: LabHost) -> None:
    units = "systemctl list-units --failed --plain --no-legend | sort"
    before = host.said(units)
    with shell_of(host) as shell:
        findings = examine(shell, host.name, checks_of(lab())["dl1"], waits=False)
    verdicts = {finding.check.role: finding.verdict for finding in findings.values()}
    assert verdicts == {"base": "holds", "network": "fails", "zfs": "not run", "drbd": "not run", "kvm": "not run"}
    assert host.said(units) == before
    assert host.said("ls -d /run/pyhomelab-checks* 2>/dev/null || true") == ""
