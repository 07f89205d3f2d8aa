"""The systems of the test hosts keep the contract of NixOS's, well enough for tests of a deployment to rely on."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.lab.fixtures import INSTALLED
from tests.lab.needs import missing_for_systems
from tests.lab.systems import PROFILE, CommandFailed, build, build_with, copy, flake_with_stub, install, nix
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

Switched = subprocess.CompletedProcess[str]
CURRENT = "readlink /run/current-system"
BOOTED = "readlink /run/booted-system"
DEFAULT = "readlink /boot/default"


class Machine:
    """A host that runs the first system of its machine in a lab, and can be given others."""

    def __init__(self, host: LabHost, lab: Path, first: str) -> None:
        self.host, self.lab, self.first = host, lab, first

    def given(self, settings: str) -> str:
        """A system with these settings, built and copied to the host."""
        toplevel = build_with(self.lab, self.host.name, settings)
        copy(self.host, toplevel, "--no-check-sigs")
        return toplevel

    def switch(self, toplevel: str, action: str = "switch", *, before: str = "") -> Switched:
        """Run a system's switch-to-configuration."""
        return self.host.run(f"{before} {toplevel}/bin/switch-to-configuration {action}", check=False)

    def runs(self, toplevel: str) -> bool:
        """Whether the host runs this system."""
        return self.host.said(CURRENT) == toplevel


@pytest.fixture
def machine(lab_directory: Path, first_systems: dict[str, str], started_hosts: dict[str, LabHost]) -> Machine:
    host = started_hosts["n1"]
    host.put_back(INSTALLED)
    host.reachable()
    return Machine(host, lab_directory, first_systems["n1"])


def test_an_installed_system_runs_and_survives_a_reboot(machine: Machine) -> None:
    host, system = machine.host, machine.first
    for _ in range(2):
        assert host.said(f"{CURRENT}; {BOOTED}; {DEFAULT}; readlink -f {PROFILE}").split() == [system] * 4
        assert host.said("systemctl is-system-running --wait") == "running"
        host.reboot()


def test_a_host_without_a_system_is_installed(lab_hosts: dict[str, LabHost], made_lab: Path) -> None:
    host = lab_hosts["n3"]
    host.erase()
    assert host.said("test -e /run/current-system || echo none") == "none"
    system = build(made_lab, "n3")
    install(host, system)
    assert host.said(f"{CURRENT}; {BOOTED}").split() == [system] * 2


def test_a_system_has_the_files_that_a_deployment_reads(machine: Machine) -> None:
    host, system = machine.host, machine.first
    assert host.said(f"cat {system}/nixos-version") == "26.05.20260520.5a2b3c4"
    assert host.said("nixos-version") == "26.05.20260520.5a2b3c4 (Test)"
    assert json.loads(host.said("nixos-version --json"))["nixosVersion"] == "26.05.20260520.5a2b3c4"
    assert host.said(f"cat {system}/system") == "x86_64-linux"
    assert host.said(f"ls {system}/kernel-modules/lib/modules") == "6.18.10"
    assert host.said(f"cat {system}/init-interface-version") == "systemd 2"
    assert host.said(f"cat {system}/switch-inhibitors") == "{}"
    assert "panic=10" in host.said(f"cat {system}/kernel-params").split()
    assert host.said(f"readlink {system}/kernel").endswith("-linux-6.18.10/bzImage")


def test_the_lab_s_own_units_and_files_are_in_the_system(machine: Machine) -> None:
    system = machine.given('systemd.services.told = { script = "true"; wantedBy = [ "multi-user.target" ]; };')
    unit = machine.host.said(f"cat {system}/etc/systemd/system/told.service")
    assert "ExecStart=/nix/store/" in unit
    assert machine.switch(system).returncode == 0
    assert machine.host.run("systemctl cat told.service", check=False).returncode != 0


def test_switching_starts_restarts_and_stops_services(machine: Machine) -> None:
    one = machine.given("stub.services = { kept = { }; changed = { }; };")
    done = machine.switch(one)
    assert (done.returncode, machine.runs(one)) == (0, True)
    assert "starting the following units: changed.service, kept.service\n" in done.stderr
    kept = machine.host.said("systemctl show --property=MainPID kept")
    two = machine.given('stub.services = { kept = { }; changed.script = "exec sleep 1000"; };')
    done = machine.switch(two)
    assert "stopping the following units: changed.service\n" in done.stderr
    assert "starting the following units: changed.service\n" in done.stderr
    assert machine.host.said("systemctl show --property=MainPID kept") == kept
    done = machine.switch(machine.first)
    assert "stopping the following units: changed.service, kept.service\n" in done.stderr
    assert machine.host.run("systemctl is-active kept changed", check=False).stdout.split() == ["inactive"] * 2


def test_services_are_there_after_a_reboot(machine: Machine) -> None:
    system = machine.given("stub.services.web = { };")
    assert machine.switch(system).returncode == 0
    machine.host.reboot()
    assert machine.host.said("systemctl is-system-running --wait; systemctl is-active web").split() == [
        "running",
        "active",
    ]


def test_testing_a_system_is_forgotten_at_the_next_boot(machine: Machine) -> None:
    system = machine.given("stub.services.web = { };")
    assert machine.switch(system, "test").returncode == 0
    assert machine.runs(system)
    assert machine.host.said(f"{BOOTED}; {DEFAULT}").split() == [machine.first] * 2
    machine.host.lose_power()
    machine.host.power_on()
    machine.host.reachable()
    assert machine.host.said(f"{CURRENT}; {BOOTED}; {DEFAULT}").split() == [machine.first] * 3


def test_a_system_for_the_next_boot_changes_nothing_now(machine: Machine) -> None:
    system = machine.given("stub.services.web = { };")
    assert machine.switch(system, "boot").returncode == 0
    assert machine.host.said(f"{CURRENT}; {DEFAULT}").split() == [machine.first, system]
    machine.host.reboot()
    assert machine.runs(system)


def test_a_dry_activation_only_tells(machine: Machine) -> None:
    system = machine.given("stub.services.web = { };")
    done = machine.switch(system, "dry-activate")
    assert (done.returncode, machine.runs(machine.first)) == (0, True)
    assert "would start the following units: web.service\n" in done.stderr


@pytest.mark.parametrize(
    ("settings", "code", "said", "switched"),
    [
        ('system.activationScripts.broken = "exit 3";', 2, "Activation script snippet 'broken' failed (3)\n", True),
        ('stub.services.broken.script = "exit 1";', 4, "warning: the following units failed: broken.service\n", True),
        ('system.preSwitchChecks.never = "exit 1";', 1, "Pre-switch check 'never' failed\n", False),
        ('stub.bootLoader = "echo No space left on device; exit 1";', 1, "Failed to install bootloader\n", False),
        ('stub.initInterface = "systemd 3";', 100, "won't take effect until you reboot the system.\n", False),
    ],
)
def test_a_failure_has_the_exit_code_of_nixos(
    machine: Machine, settings: str, code: int, said: str, *, switched: bool
) -> None:
    system = machine.given(settings)
    done = machine.switch(system)
    assert (done.returncode, machine.runs(system)) == (code, switched), done.stderr
    assert said in done.stderr


def test_a_oneshot_that_fails_fails_the_switch(machine: Machine) -> None:
    system = machine.given('stub.services.once = { oneshot = true; script = "exit 7"; };')
    assert machine.switch(system).returncode == 4


def test_a_changed_inhibitor_refuses_the_switch_but_not_the_boot(machine: Machine) -> None:
    before = machine.given('system.switch.inhibitors.dbus-implementation = "dbus";')
    after = machine.given('system.switch.inhibitors.dbus-implementation = "broker";')
    assert machine.switch(before).returncode == 0, "a new one inhibits nothing"
    done = machine.switch(after)
    assert done.returncode == 1
    assert "Pre-switch check 'switchInhibitors' failed\n" in done.stderr
    assert machine.switch(after, "boot").returncode == 0
    assert machine.switch(after, before="NIXOS_NO_CHECK=1").returncode == 0


def test_only_one_switch_runs_at_a_time(machine: Machine) -> None:
    lock = "flock /run/nixos/switch-to-configuration.lock"
    done = machine.switch(machine.first, before=f"mkdir -p /run/nixos; {lock}")
    assert (done.returncode, done.stderr) == (11, "Could not acquire lock\n")


def test_a_system_that_closes_ssh_is_out_of_reach_until_the_next_boot(machine: Machine) -> None:
    system = machine.given('system.activationScripts.mistake = "systemctl stop ssh || true";')
    machine.host.run(f"systemd-run --collect {system}/bin/switch-to-configuration test")
    machine.host.inside(f'until [ "$({CURRENT})" = {system} ]; do sleep 0.1; done')
    machine.host.inside("! systemctl is-active ssh")
    machine.host.lose_power()
    machine.host.power_on()
    machine.host.reachable()
    assert machine.runs(machine.first)


def test_power_lost_in_the_middle_of_a_switch_leaves_the_new_system_to_boot(machine: Machine) -> None:
    slow = '[ -z "$NIXOS_ACTION" ] || { touch /root/hangs; sleep 1000; }'
    system = machine.given(f"system.activationScripts.slow = ''{slow}'';")
    machine.host.run(f"systemd-run --collect {system}/bin/switch-to-configuration switch")
    machine.host.run("until [ -e /root/hangs ]; do sleep 0.1; done")
    assert machine.runs(machine.first)
    machine.host.lose_power()
    machine.host.power_on()
    machine.host.reachable()
    assert machine.runs(system), "the boot loader comes before the activation"


def test_a_host_takes_what_the_lab_signed_and_nothing_else(machine: Machine) -> None:
    host, lab = machine.host, machine.lab
    system = build_with(lab, host.name, 'stub.packages.hello = "2.12";')
    with pytest.raises(CommandFailed, match="lacks a signature by a trusted key"):
        copy(host, system)
    nix("store", "sign", "--recursive", "--key-file", str(lab / ".pyhomelab/signing.key"), system)
    copy(host, system)
    assert host.said(f"cd {system}/sw/share && ls") == "hello"


def test_what_changes_between_systems_is_seen_by_nix(machine: Machine) -> None:
    one = build_with(machine.lab, "n1", 'stub.packages = { hello = "2.12"; jq = "1.7"; };')
    two = build_with(
        machine.lab, "n1", 'stub.packages.hello = "2.13"; boot.kernelPackages = lib.mkForce pkgs.linuxPackages_6_12;'
    )
    said = nix("store", "diff-closures", one, two)
    assert "hello: 2.12 → 2.13" in said
    assert "linux: 6.18.10 → 6.12.60" in said


def test_all_hosts_can_be_had_as_they_were_installed(
    installed_hosts: dict[str, LabHost], first_systems: dict[str, str]
) -> None:
    for name, host in installed_hosts.items():
        assert host.said(f"{CURRENT}; {BOOTED}; ls -d {PROFILE}-*").split() == [first_systems[name]] * 2 + [
            f"{PROFILE}-1-link"
        ]


def test_a_machine_with_a_mistake_is_not_built(lab_directory: Path) -> None:
    with pytest.raises(CommandFailed, match=r"Failed assertions:\n.*- n2 is not ready"):
        build_with(lab_directory, "n2", 'assertions = [ { assertion = false; message = "n2 is not ready"; } ];')


def test_a_flake_that_is_not_locked_so_is_built_by_arguments(lab_directory: Path) -> None:
    (lab_directory / "flake.lock").unlink()
    (lab_directory / "flake.nix").write_text((ROOT / "pyhomelab/skeleton/flake.nix").read_text())
    flake, *overrides = flake_with_stub(lab_directory)
    attribute = f"{flake}#nixosConfigurations.n1.config.networking.hostName"
    assert nix("eval", "--raw", "--no-write-lock-file", attribute, *overrides) == "n1"
