"""The steps of the VM tests with a real machine: systemd and its units in place of a virtual machine's."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pyhomelab.checks import checks_of
from tests.lab.needs import missing
from tests.labs import lab
from tests.test_vm_steps import steps

if TYPE_CHECKING:
    from tests.lab.hosts import LabHost

pytestmark = pytest.mark.skipif(missing() != "", reason=missing() or "nothing is missing")


@dataclass
class Console:
    """A test host as the driver has a machine."""

    host: LabHost
    name: str = "dl1"

    def execute(self, command: str, /) -> tuple[int, str]:
        """Run a command as root, as the driver does."""
        done = self.host.run(f"bash -c {shlex.quote(f'set -euo pipefail; {command}')}", check=False)
        return done.returncode, done.stdout


def test_checks_hold_fail_and_hold_again_on_a_real_machine(lab_hosts: dict[str, LabHost]) -> None:
    host = lab_hosts["n1"]
    declared = {"hosts.dl1.checks": {"good": {"unit": "good.service"}}}
    asked = [check for check in checks_of(lab(declared))["dl1"] if check.role in {"base", "declared"}]
    taken, console = steps(*asked, machine="dl1"), Console(host)
    start = "systemd-run --quiet --unit=good --service-type=exec sleep 600"
    host.run(start)
    try:
        taken["verify"](console, "declared")
        assert taken["failing"](console, "base") == []
        host.run("systemctl kill --signal=KILL good; systemctl reset-failed; true")
        host.run("systemd-run --quiet --unit=good --property=RemainAfterExit=yes false; true")
        taken["verify_fails"](console, "good: good.service is active")
    finally:
        host.run("systemctl stop good; systemctl reset-failed; true")
    host.run(start)
    taken["verify"](console)
    host.run("systemctl stop good; true")
