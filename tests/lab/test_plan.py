"""`pyhomelab plan` on real hosts: what would change, what it takes, and what speaks against it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.text.wording import in_units
from tests.lab.needs import missing_for_systems
from tests.lab.systems import PROFILE, build_with, copy, make_default, nix
from tests.lab.told import Admin

if TYPE_CHECKING:
    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

FEWER = "`nix-env --profile /nix/var/nix/profiles/system --delete-generations +3` there, as root, makes room"
RUNS = f"readlink /run/current-system; readlink /boot/default; readlink -f {PROFILE}"


@pytest.fixture
def admin(installed_hosts: dict[str, LabHost], lab_directory: Path, tmp_path: Path) -> Admin:
    return Admin(lab_directory, tmp_path / "home", installed_hosts)


def wants(admin: Admin, name: str, settings: str) -> None:
    """Put settings into a machine's own file."""
    (admin.directory / "hosts" / name / "extra.nix").write_text(f"{{ lib, pkgs, ... }}:\n{{\n{settings}\n}}\n")


def runs(admin: Admin, name: str, settings: str) -> str:
    """Make a system with these settings the one that a host runs and boots, by hand."""
    toplevel = build_with(admin.directory, name, settings)
    copy(admin.hosts[name], toplevel, "--no-check-sigs")
    switch = f"{toplevel}/bin/switch-to-configuration switch"
    admin.hosts[name].run(f"nix-env --profile {PROFILE} --set {toplevel} && {switch}")
    return toplevel


BOOTED = ("--reboot", "needed")


def planned(admin: Admin, *arguments: str) -> list[str]:
    """What the plan for n1 says of it, without the lines about its place and its systems."""
    told = admin.tells("plan", "--host", "n1", *arguments)
    assert (told.code, told.out[:2]) == (0, ["wave 1:", "  n1 (tied to no other)"]), told.err
    return [line.removeprefix("    ") for line in told.out[4:]]


def known(admin: Admin, *arguments: str) -> dict[str, Any]:
    """What the plan for n1 says of it as JSON."""
    told: dict[str, Any] = admin.knows("plan", "--host", "n1", *arguments)["n1"]
    return told


def sizes(toplevel: str) -> dict[str, int]:
    """The store paths that a system is made of, with their sizes, as another command of Nix tells them."""
    paths = json.loads(nix("path-info", "--json", "--json-format", "1", "--recursive", toplevel))
    return {path: about["narSize"] for path, about in paths.items()}


def systems(admin: Admin, name: str = "n1") -> list[str]:
    """What a host runs, what it boots, and what its profile says."""
    return admin.hosts[name].said(RUNS).split()


def test_packages_are_named_with_their_versions_and_sizes(admin: Admin) -> None:
    old = runs(admin, "n1", 'stub.packages = { hello = "2.11"; gone = "1.0"; same = "3"; };')
    wants(admin, "n1", 'stub.packages = { hello = "2.12"; new-one = "0.1"; same = "3"; };')
    said = planned(admin)
    assert said[0].startswith("packages: 1 added, 1 removed, 1 changed; ")
    assert said[1:4] == ["  - gone 1.0, 432B", "  ~ hello 2.11 → 2.12", "  + new-one 0.1, 432B"]
    assert systems(admin) == [old] * 3
    plan = known(admin)
    before, after = sizes(old), sizes(plan["to"])
    assert plan["size"] == {"old": sum(before.values()), "new": sum(after.values())}
    missing = after.keys() - before.keys()
    assert plan["copy"] == {"paths": len(missing), "bytes": sum(after[path] for path in missing)}
    assert {package["name"]: (package["old"], package["new"]) for package in plan["packages"]} == {
        "gone": (["1.0"], []),
        "hello": (["2.11"], ["2.12"]),
        "new-one": ([], ["0.1"]),
    }


def test_of_many_packages_the_rest_is_counted_unless_all_are_wanted(admin: Admin) -> None:
    packages = " ".join(f'package-{letter} = "1";' for letter in "abcdefghijklmno")
    wants(admin, "n1", f"stub.packages = {{ {packages} }};")
    said = planned(admin)
    assert said[0].startswith("packages: 15 added; ")
    assert said[10:12] == ["  + package-j 1, 440B", "  and 5 more (`pyhomelab plan --full`)"]
    assert [line for line in planned(admin, "--full") if line.startswith("  + ")] == [
        f"  + package-{letter} 1, 440B" for letter in "abcdefghijklmno"
    ]


def test_once_a_host_has_the_system_it_tells_what_a_switch_touches_and_changes_nothing(admin: Admin) -> None:
    old = runs(admin, "n1", "stub.services = { web = { }; old = { }; };")
    wants(admin, "n1", 'stub.services = { web.script = "exec sleep 1000"; young = { }; };')
    assert not [line for line in planned(admin) if line.startswith("units:")]
    plan = known(admin)
    assert plan["units"] is None
    copy(admin.hosts["n1"], plan["to"], "--no-check-sigs")
    look = "find /etc /boot /nix/var/nix/profiles /run/nixos /run/systemd/system -printf '%p %T@ %C@ %l\\n' | sort"
    before = admin.hosts["n1"].said(look)
    said = planned(admin)
    assert said[-3:-1] == [
        "units: stops old.service; restarts web.service; starts young.service",
        "to copy: nothing",
    ]
    assert said[-1].startswith("space needed: /nix/store 0B of ")
    assert admin.hosts["n1"].said(look) == before
    assert systems(admin) == [old] * 3


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ('boot.initrd.kernelModules = [ "dm-mod" ];', "initrd"),
        ('boot.kernelParams = [ "quiet" ];', "kernel-params"),
    ],
)
def test_what_only_a_reboot_brings_is_said(admin: Admin, settings: str, parts: str) -> None:
    wants(admin, "n1", settings)
    assert planned(admin)[0] == f"a reboot brings its {parts}"
    assert known(admin)["reboot_for"] == [parts]


def test_a_system_that_cannot_be_switched_to_is_told_from_others(admin: Admin) -> None:
    inhibitors = 'system.switch.inhibitors = {{ dbus = "{}"; {} = "1"; }};'
    runs(admin, "n1", inhibitors.format("dbus", "gone"))
    wants(admin, "n1", inhibitors.format("dbus", "come"))
    assert known(admin)["needs_boot"] == []
    wants(admin, "n1", inhibitors.format("broker", "come") + ' stub.initInterface = "systemd 3";')
    assert known(admin)["why"] == "only a reboot brings its dbus and init interface; give --reboot needed"
    said = planned(admin, *BOOTED)
    assert said[0] == "cannot be switched to: only a reboot brings its dbus and init interface"
    assert known(admin, *BOOTED)["needs_boot"] == ["dbus", "init interface"]


def test_inhibitors_are_compared_however_their_file_is_laid_out(admin: Admin) -> None:
    runs(admin, "n1", 'system.switch.inhibitors.dbus = "broker";')
    wants(admin, "n1", 'system.switch.inhibitors.dbus = "broker"; environment.etc.hello.text = "hello";')
    assert known(admin)["needs_boot"] == []
    admin.hosts["n1"].run(
        'printf \'{\\n\\t"dbus": "classic"\\n}\\n\' >/tmp/inhibitors'
        " && mount --bind /tmp/inhibitors $(readlink -f /run/current-system/switch-inhibitors)"
    )
    assert known(admin, *BOOTED)["needs_boot"] == ["dbus"]
    admin.hosts["n1"].run("echo /nix/store/k2-dbus >/tmp/inhibitors")
    assert known(admin)["needs_boot"] == []


def test_a_generation_to_return_to_is_compared_like_a_new_system(admin: Admin) -> None:
    runs(admin, "n1", 'system.switch.inhibitors.dbus = "classic";')
    settings = 'system.switch.inhibitors.dbus = "broker"; boot.initrd.kernelModules = [ "dm-mod" ];'
    later = build_with(admin.directory, "n1", settings)
    make_default(admin.hosts["n1"], later)
    admin.hosts["n1"].reboot()
    told = admin.tells("rollback", "--host", "n1", "--to", "2")
    assert (told.code, told.out) == (4, ["n1: left alone: only a reboot brings its dbus; give --reboot needed"])
    told = admin.tells("rollback", "--host", "n1", "--to", "2", "--reboot", "needed")
    assert told.code == 3
    assert "    cannot be switched to: only a reboot brings its dbus" in told.err
    assert "    a reboot brings its initrd" in told.err
    assert systems(admin) == [later] * 3


def test_a_machine_that_cannot_be_built_is_in_the_plan_too(admin: Admin) -> None:
    wants(admin, "n1", 'networking.hostName = lib.mkForce (throw "no name today");')
    told = admin.tells("plan", "--json", "--host", "n1", "--host", "n2")
    plan = json.loads("\n".join(told.out))
    assert (told.code, told.err[-1]) == (4, "n1 could not be evaluated")
    assert plan["hosts"] == {
        "n1": {"state": "not built"},
        "n2": {"state": "in sync", "drift": "in sync", "remarks": []},
    }


def test_a_host_whose_store_is_too_full_is_left_alone_and_the_others_go_on(admin: Admin) -> None:
    before = systems(admin)
    admin.hosts["n1"].run(
        "mkdir /mnt/little && mount -t tmpfs -o size=64k tmpfs /mnt/little && mkdir /mnt/little/upper /mnt/little/work"
        " && mount -t overlay -o lowerdir=/nix/store,upperdir=/mnt/little/upper,workdir=/mnt/little/work overlay /nix/store"
    )
    for name in ("n1", "n2"):
        wants(admin, name, 'environment.etc.big.text = lib.concatStrings (lib.genList (_: "0123456789abcdef") 8192);')
    told = admin.tells("deploy", "--yes", "--host", "n1", "--host", "n2")
    assert told.code == 4
    free = in_units(64 << 10)
    why = told.out[0]
    assert why.startswith("n1: left alone: needs 1")
    assert why.endswith(f" in /nix/store, has {free}; `nix-collect-garbage` there, as root, makes room")
    assert told.out[1] == "n2: deployed"
    assert systems(admin) == before
    assert admin.hosts["n1"].said("ls /mnt/little/upper") == ""


def needed_by(toplevel: str) -> str:
    """What the initrd of a system needs on a boot partition."""
    return in_units(math.ceil(1.2 * Path(f"{toplevel}/initrd").stat().st_size))


def full_boot(admin: Admin, *files: str) -> None:
    """Give n1 a boot partition for systemd-boot, with nothing free beside these files of the store."""
    names = " ".join(file.removeprefix("/nix/store/").replace("/", "-") + ".efi" for file in files)
    admin.hosts["n1"].run(
        "default=$(readlink /boot/default); mount -t tmpfs -o size=64k tmpfs /boot; ln -s $default /boot/default"
        f" && mkdir -p /boot/EFI/nixos /boot/loader/entries && cd /boot/EFI/nixos && for file in {names}; do echo kernel >$file; done;"
        " cat /dev/zero >/boot/rest 2>/dev/null; [ $(stat -f -c %a /boot) = 0 ]"
    )


def test_a_host_whose_boot_partition_is_too_full_is_left_alone(admin: Admin, first_systems: dict[str, str]) -> None:
    first = first_systems["n1"]
    booted = admin.hosts["n1"].said(f"readlink -f {first}/kernel {first}/initrd").split()
    full_boot(admin, *booted)
    wants(admin, "n1", 'environment.etc.hello.text = "hello";')
    assert planned(admin)[-1].endswith("/boot 0B of 0B free")
    needs = needed_by(build_with(admin.directory, "n1", 'boot.initrd.kernelModules = [ "dm-mod" ];'))
    told = admin.tells("plan", "--host", "n1")
    assert (told.code, told.err[-1]) == (4, "n1 would be left alone")
    assert told.out == [f"n1: left alone: needs {needs} in /boot, has 0B; {FEWER}"]
    assert systems(admin) == [first] * 3


def test_a_kernel_that_leaves_the_boot_menu_makes_room_for_the_new_one(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    first = first_systems["n1"]
    booted = admin.hosts["n1"].said(f"readlink -f {first}/kernel {first}/initrd").split()
    full_boot(admin, *booted, "/nix/store/long-gone-linux-5.4/bzImage", "/nix/store/long-gone-initrd/initrd")
    needs = needed_by(build_with(admin.directory, "n1", 'boot.initrd.kernelModules = [ "dm-mod" ];'))
    told = admin.tells("plan", "--host", "n1")
    assert told.out == [f"n1: left alone: needs {needs} in /boot, has 14B; {FEWER}"]


def test_a_host_of_another_kind_than_the_inventory_says_is_left_alone(admin: Admin) -> None:
    file = admin.directory / "hosts/inventory.yaml"
    inventory = json.loads(file.read_text())
    inventory["hosts"]["n1"]["system"] = "aarch64-linux"
    file.write_text(json.dumps(inventory))
    assert admin.tells("gen").code == 0
    told = admin.tells("plan", "--host", "n1")
    assert (told.code, told.out) == (
        4,
        [
            "n1: left alone: is x86_64, but the inventory says aarch64-linux;"
            " correct its `system` in the inventory, or its address"
        ],
    )


def test_a_host_that_is_not_nixos_is_left_alone(admin: Admin) -> None:
    admin.hosts["n1"].run(
        "rm /etc/NIXOS /etc/os-release; echo 'PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"' >/etc/os-release"
    )
    wants(admin, "n1", 'environment.etc.hello.text = "hello";')
    told = admin.tells("plan", "--host", "n1")
    sentence = "runs Debian GNU/Linux 13 (trixie), not NixOS; install NixOS on it, or correct its address"
    assert (told.code, told.out) == (4, [f"n1: left alone: {sentence}"])
    assert f"n1: {sentence}" in told.err
    assert told.err[-1] == "n1 would be left alone"


def test_a_host_without_a_nix_that_answers_is_left_alone(admin: Admin) -> None:
    admin.hosts["n1"].run(
        "mkdir -p /usr/local/bin && printf '#!/bin/sh\\necho the database is busy >&2; exit 1\\n' >/usr/local/bin/nix-store"
        " && chmod +x /usr/local/bin/nix-store && mount --bind /usr/local/bin/nix-store $(command -v -p nix-store || echo /usr/bin/nix-store)"
    )
    wants(admin, "n1", 'environment.etc.hello.text = "hello";')
    told = admin.tells("plan", "--host", "n1")
    assert (told.code, told.out) == (
        4,
        ["n1: left alone: its Nix does not say what it has: the database is busy"],
    )


def test_what_was_done_by_hand_is_said_before_it_is_replaced(admin: Admin) -> None:
    journal = admin.directory / ".pyhomelab/journal.sqlite"
    wants(admin, "n1", 'environment.etc.one.text = "1";')
    assert not any("by hand" in line for line in planned(admin))
    assert admin.tells("status", "--host", "n1").code == 0
    assert not journal.exists()
    assert admin.tells("deploy", "--yes", "--host", "n1").code == 0
    deployed = admin.knows("status", "--host", "n1")["n1"]
    last = deployed["last_deployment"]
    assert (deployed["drift"], last["system"], last["kind"]) == ("in sync", deployed["current_system"], "deploy")
    row = admin.tells("status", "--host", "n1").rows[0]
    assert (row[4], row[-2]) == (last["run"], "in sync")
    runs(admin, "n1", 'environment.etc.two.text = "2";')
    wants(admin, "n1", 'environment.etc.three.text = "3";')
    by_hand = "its generation 3 was not deployed from here, but by hand or from elsewhere"
    assert planned(admin)[0] == by_hand
    assert known(admin)["drift"] == "changed by hand"
    told = admin.tells("status", "--host", "n1")
    assert (told.rows[0][4], told.rows[0][-2], told.remarks) == ("-", "changed by hand", [f"n1: {by_hand}"])


def test_a_system_that_was_only_tried_is_said_to_be_uncommitted(admin: Admin) -> None:
    tried = build_with(admin.directory, "n1", 'environment.etc.tried.text = "yes";')
    copy(admin.hosts["n1"], tried, "--no-check-sigs")
    admin.hosts["n1"].run(f"{tried}/bin/switch-to-configuration test")
    wants(admin, "n1", 'environment.etc.other.text = "yes";')
    assert planned(admin)[0] == "the next boot undoes what it runs: it starts generation 1 again"


def test_a_host_in_sync_that_waits_for_a_reboot_says_so(admin: Admin) -> None:
    settings = 'boot.initrd.kernelModules = [ "dm-mod" ];'
    runs(admin, "n1", settings)
    told = admin.tells("plan", "--host", "n1")
    assert (told.code, told.out) == (
        0,
        [
            "n1: in sync",
            "n1: runs with the initrd of the system that it was booted with, until it is rebooted",
        ],
    )


@pytest.mark.parametrize("user", ["admin", "nobody-special"])
def test_somebody_who_is_not_root_is_told_what_he_may_see(admin: Admin, user: str) -> None:
    admin.config(f"User {user}")
    runs(admin, "n1", "stub.services.web = { };")
    admin.hosts["n1"].run(
        "systemd-run --unit=nix-daemon nix-daemon && until [ -S /nix/var/nix/daemon-socket/socket ]; do sleep 0.1; done"
    )
    wants(admin, "n1", 'stub.services.web.script = "exec sleep 1000";')
    plan = known(admin)
    assert "space" in plan, admin.tells("plan", "--host", "n1")
    assert [space["place"] for space in plan["space"]] == ["/nix/store"]
    assert plan["copy"]["paths"] > 0
    assert plan["size"]["old"] > 0
    copy(admin.hosts["n1"], plan["to"], "--no-check-sigs")
    units = known(admin)["units"]
    restarted = {"stops": [], "restarts": ["web.service"], "reloads": [], "starts": []}
    assert units == (restarted if user == "admin" else None)
