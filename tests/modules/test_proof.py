"""The unit that decides about a system that was booted for the first time."""

from __future__ import annotations

from typing import Any

from tests.modules.harness import evaluate, needs_nixpkgs_lib

pytestmark = needs_nixpkgs_lib

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3WzO0l0hW0c1b0t1u0v1w0x1y0z1A0B1C0D1E0F1G0 mika"
ORDER = "/var/lib/pyhomelab/proof/order"


def ask(select: str, enable: str = "true") -> Any:
    machine = f'{{ networking.hostName = "dl1"; homelab.base = {{ enable = {enable}; admins.mika.sshKeys = [ "{KEY}" ]; }}; }}'
    return evaluate(machine, select)


UNIT = "config.systemd.services.pyhomelab-proof"


def test_a_machine_whose_initrd_or_systemd_fails_restarts_into_the_system_before() -> None:
    assert {"boot.panic_on_fail", "panic=10", "systemd.crash_action=reboot"} <= set(ask("config.boot.kernelParams"))


def test_what_decides_starts_before_anything_that_may_hang_and_only_if_there_is_an_order() -> None:
    assert ask(f"{{ inherit ({UNIT}) wantedBy after conflicts before; }}") == {
        "wantedBy": ["sysinit.target"],
        "after": ["local-fs.target"],
        "conflicts": ["shutdown.target"],
        "before": ["shutdown.target"],
    }
    unit = ask(f"{UNIT}.unitConfig")
    assert (unit["DefaultDependencies"], unit["ConditionPathExists"]) == (False, ORDER)


def test_nothing_but_a_shutdown_ends_what_decides() -> None:
    assert ask(f"[ {UNIT}.restartIfChanged {UNIT}.stopIfChanged ]") == [False, False]
    unit = ask(f"{UNIT}.unitConfig")
    assert (unit["IgnoreOnIsolate"], unit["RefuseManualStop"], unit["X-StopOnRemoval"]) == (True, True, False)
    service = ask(f"{UNIT}.serviceConfig")
    assert (service["Restart"], unit["StartLimitIntervalSec"]) == ("on-failure", 0)


def test_what_decides_is_the_script_that_came_with_the_order() -> None:
    command = ask(f"{UNIT}.serviceConfig.ExecStart").split()
    assert command[0].endswith("/bin/bash")
    assert command[1:] == ["/var/lib/pyhomelab/proof/proof.sh", "/var/lib/pyhomelab/proof"]


def test_a_machine_without_the_base_has_no_such_unit() -> None:
    assert ask("config.systemd.services ? pyhomelab-proof", "false") is False
