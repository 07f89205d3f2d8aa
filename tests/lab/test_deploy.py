"""`pyhomelab deploy` and `rollback` on real hosts: wave by wave, and back alone when it goes wrong."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.lab.needs import missing_for_systems
from tests.lab.told import Admin
from tests.lab.trials import BOOT_ID

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

RUNS = "readlink /run/current-system; readlink /boot/default"


@pytest.fixture
def admin(installed_hosts: dict[str, LabHost], lab_directory: Path, tmp_path: Path) -> Admin:
    return Admin(lab_directory, tmp_path / "home", installed_hosts)


def wants(admin: Admin, name: str, settings: str) -> None:
    """Put settings into a machine's own file."""
    (admin.directory / "hosts" / name / "extra.nix").write_text(f"{{ lib, pkgs, ... }}:\n{{\n{settings}\n}}\n")


def runs(admin: Admin, name: str) -> list[str]:
    """What a host runs, and what it would boot."""
    return admin.hosts[name].said(RUNS).split()


def test_three_hosts_are_deployed_in_waves_and_a_second_deploy_changes_nothing(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    for name in ("n1", "n2", "n3"):
        wants(admin, name, "stub.services.web = { };")
    told = admin.tells("deploy", "--yes")
    assert told.code == 0, told.err
    assert told.out == ["n1: deployed", "n2: deployed", "n3: deployed"]
    assert [line for line in told.err if line.startswith("wave")] == ["wave 1 (canary):", "wave 2:"]
    for name, first in first_systems.items():
        current, boots = runs(admin, name)
        assert current == boots != first
        assert admin.hosts[name].said("systemctl is-active web") == "active"
    again = admin.tells("deploy", "--yes")
    assert (again.code, again.out) == (0, ["n1: in sync", "n2: in sync", "n3: in sync"])
    assert not any("copying" in line for line in again.err)


def test_a_plan_tells_the_order_and_changes_nothing(admin: Admin, first_systems: dict[str, str]) -> None:
    wants(admin, "n1", 'boot.initrd.kernelModules = [ "dm-mod" ];')
    wants(admin, "n2", "stub.services.web = { };")
    told = admin.tells("plan")
    assert (told.code, told.out[0], told.out[1], told.out[2]) == (
        0,
        "n3: in sync",
        "wave 1 (canary):",
        "  n1 (the canary: the least depends on it)",
    )
    assert "    a reboot brings its initrd" in told.out
    plan = json.loads("\n".join(admin.tells("plan", "--json").out))
    assert plan["hosts"]["n2"]["from"] == first_systems["n2"]
    assert [wave["machines"] for wave in plan["waves"]] == [["n1"], ["n2"]]
    assert [runs(admin, name) for name in first_systems] == [[first] * 2 for first in first_systems.values()]


def test_a_system_that_fails_a_unit_is_undone_and_the_others_are_left_alone_after_a_canary(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    for name in ("n1", "n2"):
        wants(admin, name, 'stub.services.web = { oneshot = true; script = "exit 1"; };')
    told = admin.tells("deploy", "--yes", "--host", "n1", "--host", "n2")
    assert told.code == 4
    assert told.out == [
        "n1: rolled back: web.service failed",
        "n2: left alone: comes after the canary n1 (rolled back)",
    ]
    assert told.err[-1] == "n1 and n2 did not get their new systems"
    assert f"n1:   runs {first_systems['n1']}" in told.err
    assert "next, when that is mended: pyhomelab deploy --host n1" in told.err
    assert [runs(admin, name) for name in ("n1", "n2")] == [[first_systems[name]] * 2 for name in ("n1", "n2")]


def test_a_unit_that_was_failed_before_does_not_count(admin: Admin) -> None:
    admin.hosts["n1"].run("systemd-run --unit=old-trouble false; sleep 0.3", check=False)
    wants(admin, "n1", "stub.services.web = { };")
    told = admin.tells("deploy", "--yes", "--host", "n1")
    assert (told.code, told.out) == (0, ["n1: deployed"]), told.err


def test_a_host_that_cannot_be_reached_hides_no_other(admin: Admin) -> None:
    admin.hosts["n2"].cut_network()
    for name in ("n1", "n2"):
        wants(admin, name, "stub.services.web = { };")
    told = admin.tells("deploy", "--yes", "--host", "n1", "--host", "n2")
    assert told.code == 4
    lines = told.out
    assert lines[0].startswith("n2: left alone: ")
    assert lines[1] == "n1: deployed"


def test_a_machine_that_cannot_be_built_hides_no_other(admin: Admin) -> None:
    wants(admin, "n1", "stub.services.web = { };")
    wants(admin, "n2", 'networking.hostName = lib.mkForce (throw "no name today");')
    told = admin.tells("deploy", "--yes", "--host", "n1", "--host", "n2")
    assert told.code == 4
    assert told.out == ["n1: deployed"]
    assert any("no name today" in line for line in told.err)
    assert told.err[-1] == "n2 could not be evaluated"


def test_nothing_is_changed_unless_somebody_agrees(admin: Admin, first_systems: dict[str, str]) -> None:
    wants(admin, "n1", "stub.services.web = { };")
    told = admin.tells("deploy", "--host", "n1")
    assert told.code == 3
    assert told.err[-1] == "nobody is there to agree to this; give --yes"
    assert runs(admin, "n1") == [first_systems["n1"]] * 2


def test_a_rollback_returns_to_the_generation_before_and_to_one_by_number(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    wants(admin, "n1", "stub.services.web = { };")
    assert admin.tells("deploy", "--yes", "--host", "n1").code == 0
    second = runs(admin, "n1")
    told = admin.tells("rollback", "--yes", "--host", "n1")
    assert (told.code, told.out) == (0, ["n1: deployed"]), told.err
    assert runs(admin, "n1") == [first_systems["n1"]] * 2
    told = admin.tells("rollback", "--yes", "--host", "n1", "--to", "2", "--json")
    data = json.loads("\n".join(told.out))
    assert data["hosts"] == {"n1": {"state": "deployed", "why": "", "runs": second[0]}}
    assert re.fullmatch("[0-9T]+Z-[0-9a-f]{8}", data["run"])
    assert runs(admin, "n1") == second


def test_a_generation_that_does_not_exist_is_refused(admin: Admin) -> None:
    told = admin.tells("rollback", "--yes", "--host", "n1", "--to", "7")
    assert (told.code, told.out) == (3, [])
    assert told.err[-1] == "n1: keeps no generation 7; there is 1"
    told = admin.tells("rollback", "--yes", "--host", "n1")
    assert told.err[-1] == "n1: keeps no earlier generation; see `pyhomelab generations`"


def declares(admin: Admin, name: str, checks: dict[str, object]) -> None:
    """Put health checks of a machine into the inventory."""
    file = admin.directory / "hosts/inventory.yaml"
    inventory = json.loads(file.read_text())
    inventory["hosts"][name]["checks"] = checks
    file.write_text(json.dumps(inventory))


def test_a_check_of_one_s_own_that_fails_brings_the_old_system_back(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    declares(admin, "n1", {"motd": {"command": "test ! -e /run/broken"}})
    wants(admin, "n1", "system.activationScripts.breaks = ''[ $NIXOS_ACTION != test ] || touch /run/broken'';")
    told = admin.tells("deploy", "--yes", "--host", "n1", "--probation", "25s")
    assert told.code == 4
    assert len(told.out) == 1
    assert told.out[0].startswith("n1: rolled back: motd: "), told.out
    assert runs(admin, "n1") == [first_systems["n1"]] * 2


def test_a_check_that_failed_before_is_said_and_does_not_count(admin: Admin) -> None:
    declares(admin, "n1", {"backup": {"command": "echo none was ever made; false"}})
    wants(admin, "n1", "stub.services.web = { };")
    told = admin.tells("deploy", "--yes", "--host", "n1")
    assert told.code == 0, told.err
    assert len(told.out) == 1
    assert told.out[0].startswith("n1: deployed: backup: ")
    assert told.out[0].endswith(": not, as before (none was ever made; exit 1)")


def test_a_new_kernel_is_booted_with_proof_where_that_is_wanted(admin: Admin) -> None:
    wants(admin, "n1", 'boot.kernelParams = [ "quiet" ];')
    plan = admin.tells("plan", "--host", "n1", "--reboot", "needed")
    assert "    a reboot brings its kernel-params" in plan.out
    before = admin.hosts["n1"].said(BOOT_ID)
    told = admin.tells("deploy", "--yes", "--host", "n1", "--reboot", "needed")
    assert (told.code, told.out) == (0, ["n1: deployed: and rebooted"]), told.err
    assert admin.hosts["n1"].said(BOOT_ID) != before
    current, boots = runs(admin, "n1")
    assert admin.hosts["n1"].said("readlink /run/booted-system") == current == boots
    again = admin.tells("deploy", "--yes", "--host", "n1", "--reboot", "needed")
    assert (again.code, again.out) == (0, ["n1: in sync"])


def test_a_new_kernel_that_waits_for_a_reboot_gets_it_when_one_is_wanted(admin: Admin) -> None:
    wants(admin, "n1", 'boot.kernelParams = [ "quiet" ];')
    assert admin.tells("deploy", "--yes", "--host", "n1").code == 0
    before = admin.hosts["n1"].said(BOOT_ID)
    told = admin.tells("deploy", "--yes", "--host", "n1", "--reboot", "needed")
    assert (told.code, told.out) == (0, ["n1: deployed: and rebooted"]), told.err
    assert admin.hosts["n1"].said(BOOT_ID) != before


def test_a_system_that_cannot_be_switched_to_is_left_alone_or_booted(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    wants(admin, "n1", 'stub.initInterface = "systemd 3";')
    told = admin.tells("deploy", "--yes", "--host", "n1")
    assert (told.code, told.out) == (
        4,
        ["n1: left alone: only a reboot brings its init interface; give --reboot needed"],
    )
    assert runs(admin, "n1") == [first_systems["n1"]] * 2
    told = admin.tells("deploy", "--yes", "--host", "n1", "--reboot", "needed")
    assert (told.code, told.out) == (0, ["n1: deployed: and rebooted"]), told.err
    assert runs(admin, "n1") != [first_systems["n1"]] * 2


def test_events_are_lines_of_json_in_which_every_stage_begins_and_ends(admin: Admin) -> None:
    wants(admin, "n1", "stub.services.web = { };")
    told = admin.tells("deploy", "--yes", "--host", "n1", "--json-events")
    assert told.code == 0, told.err
    events = [json.loads(line) for line in told.out]
    stages = [(event["event"], event["stage"]) for event in events if "stage" in event]
    assert stages == [
        ("stage-began", "copy"),
        ("stage-ended", "copy"),
        ("stage-began", "activate"),
        ("stage-ended", "activate"),
    ]
    assert [event["event"] for event in events if event["event"].startswith(("run-", "host-"))] == [
        "run-began",
        "host-ended",
        "run-ended",
    ]
