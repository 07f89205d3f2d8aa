"""`pyhomelab status` and `generations` on real hosts: what they run, what they ran, and what is wrong with them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.lab.needs import missing_for_systems
from tests.lab.systems import PROFILE, build_with, copy
from tests.lab.told import Admin
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

POWER = "see that it is switched on, and that its address is right"
NEW_KERNEL = 'boot.kernelModules = [ "loop" ]; boot.initrd.kernelModules = [ "dm-mod" ];'


@pytest.fixture
def admin(installed_hosts: dict[str, LabHost], lab_directory: Path, tmp_path: Path) -> Admin:
    return Admin(lab_directory, tmp_path / "home", installed_hosts)


def given(admin: Admin, name: str, settings: str) -> str:
    """Build another system for a host and copy it there."""
    toplevel = build_with(admin.directory, name, settings)
    copy(admin.hosts[name], toplevel, "--no-check-sigs")
    return toplevel


def committed(admin: Admin, name: str, toplevel: str, action: str) -> None:
    """Make a system a host's next generation."""
    admin.hosts[name].run(
        f"nix-env --profile {PROFILE} --set {toplevel} && {toplevel}/bin/switch-to-configuration {action}"
    )


def test_hosts_fresh_from_their_installation_are_in_sync(admin: Admin, first_systems: dict[str, str]) -> None:
    told = admin.tells("status")
    assert (told.code, told.err, told.remarks) == (0, [], [])
    assert [(row[0], row[2], *row[-2:]) for row in told.rows] == [
        (name, "1", "in sync", "running") for name in ("n1", "n2", "n3")
    ]
    known = admin.knows("status")
    assert {name: host["current_system"] for name, host in known.items()} == first_systems
    assert {name: host["default_system"] for name, host in known.items()} == first_systems
    n1 = known["n1"]
    assert (n1["state"], n1["machine"], n1["generation"], n1["default_generation"]) == ("answered", "x86_64", 1, 1)
    assert n1["boot_id"] == admin.hosts["n1"].said("cat /proc/sys/kernel/random/boot_id")
    assert n1["nixos_version"] == admin.hosts["n1"].said("cat /run/current-system/nixos-version")


def test_asking_changes_nothing_on_a_host(admin: Admin) -> None:
    look = "find /etc /boot /nix /root /home /var/lib /run/current-system -xdev -printf '%p %T@ %C@ %l\\n' | sort"
    before = admin.hosts["n1"].said(look)
    assert admin.tells("status").code == admin.tells("generations").code == 0
    assert admin.hosts["n1"].said(look) == before


def test_a_system_that_was_only_tried_is_uncommitted(admin: Admin) -> None:
    tried = given(admin, "n1", 'environment.etc.tried.text = "yes";')
    admin.hosts["n1"].run(f"{tried}/bin/switch-to-configuration test")
    told = admin.tells("status", "--host", "n1")
    assert (told.code, told.rows[0][-2:]) == (0, ["uncommitted", "running"])
    assert told.remarks == ["n1: the next boot undoes what it runs: it starts generation 1 again"]
    n1 = admin.knows("status", "--host", "n1")["n1"]
    assert (n1["current_system"], n1["generation"], n1["deployed"]) == (tried, None, None)


def test_a_switch_to_another_kernel_waits_for_a_reboot(admin: Admin) -> None:
    committed(admin, "n1", given(admin, "n1", NEW_KERNEL), "switch")
    told = admin.tells("status", "--host", "n1")
    assert (told.rows[0][2], told.rows[0][-2]) == ("2", "reboot pending")
    assert told.remarks == ["n1: runs with the initrd of the system that it was booted with, until it is rebooted"]
    admin.hosts["n1"].reboot()
    told = admin.tells("status", "--host", "n1")
    assert (told.rows[0][2], told.rows[0][-2], told.remarks) == ("2", "in sync", [])


def test_a_system_for_the_next_boot_is_announced(admin: Admin) -> None:
    committed(admin, "n1", given(admin, "n1", 'environment.etc.later.text = "yes";'), "boot")
    told = admin.tells("status", "--host", "n1")
    assert (told.rows[0][2], told.rows[0][-2]) == ("1", "reboot pending")
    assert told.remarks == ["n1: the next boot starts generation 2"]


def test_a_switch_that_keeps_the_kernel_is_in_sync_without_a_reboot(admin: Admin) -> None:
    committed(admin, "n1", given(admin, "n1", 'environment.etc.now.text = "yes";'), "switch")
    told = admin.tells("status", "--host", "n1")
    assert (told.rows[0][2], told.rows[0][-2], told.remarks) == ("2", "in sync", [])


def test_failed_units_are_counted_and_named(admin: Admin) -> None:
    admin.hosts["n2"].run("for unit in broken lame; do systemd-run --unit=$unit false; done; sleep 0.5")
    told = admin.tells("status")
    assert told.code == 0
    assert [row[-1] for row in told.rows] == ["running", "degraded, 2 units failed", "running"]
    assert told.remarks == ["n2: failed: broken.service and lame.service"]
    assert admin.knows("status")["n2"]["failed_units"] == ["broken.service", "lame.service"]


def test_a_host_that_is_cut_off_hides_none_of_the_others(admin: Admin) -> None:
    admin.config("ConnectTimeout 1")
    n2 = admin.hosts["n2"]
    n2.cut_network()
    told = admin.tells("status")
    assert told.code == 4
    assert [row[-2] for row in told.rows] == ["in sync", "unreachable", "in sync"]
    sentence = f"n2: root@{n2.address} cannot be reached: no answer within 1 s; {POWER}"
    assert told.err == [sentence, "1 of 3 machines could not be asked"]
    assert admin.knows("status")["n2"] == {"state": "unreachable", "said": sentence}
    told = admin.tells("generations")
    assert (told.code, [row[0] for row in told.rows]) == (4, ["n1", "n3"])


def test_a_host_that_is_off_is_said_to_be_unreachable(admin: Admin) -> None:
    admin.config("ConnectTimeout 2")
    admin.hosts["n3"].lose_power()
    told = admin.tells("status", "--host", "n3")
    assert (told.code, told.rows) == (4, [["n3", "-", "-", "-", "-", "-", "unreachable", "-"]])
    assert told.err[-1] == "1 of 1 machine could not be asked"


def test_who_is_waited_for_is_named(admin: Admin) -> None:
    admin.config("ConnectTimeout 6")
    admin.hosts["n2"].cut_network()
    assert admin.tells("status").err[0] == "waiting for n2"


def test_ctrl_c_does_not_wait_for_a_host_that_keeps_silent(admin: Admin) -> None:
    admin.hosts["n2"].cut_network()
    words = [sys.executable, "-m", "pyhomelab", "status"]
    variables = {**os.environ, "HOME": str(admin.home), "PYTHONPATH": str(ROOT)}
    asking = subprocess.Popen(words, cwd=admin.directory, env=variables, stderr=subprocess.PIPE, text=True)
    assert asking.stderr is not None
    assert asking.stderr.readline() == "waiting for n2\n"
    began = time.monotonic()
    asking.send_signal(signal.SIGINT)
    _, err = asking.communicate(timeout=20)
    assert time.monotonic() - began < 8, "it would wait three times as long"
    assert (asking.returncode, err.splitlines()[-1]) == (1, "Aborted!")


def test_hosts_with_an_unknown_or_a_changed_key_are_left_alone(admin: Admin) -> None:
    admin.pin("n1").unlink()
    admin.pin("n2").write_text(admin.pin("n3").read_text())
    before = {name: host.said("journalctl -u ssh | grep -c 'Accepted publickey'") for name, host in admin.hosts.items()}
    told = admin.tells("status")
    assert told.code == 4
    assert [row[-2] for row in told.rows] == ["key refused", "key refused", "in sync"]
    assert sorted(line.partition(";")[0][:40] for line in told.err[:2]) == [
        "n1: its host key is not pinned",
        f"n2: root@{admin.hosts['n2'].address} showed ssh-ed25519 SHA256:"[:40],
    ]
    after = {name: host.said("journalctl -u ssh | grep -c 'Accepted publickey'") for name, host in admin.hosts.items()}
    assert [int(after[name]) - int(before[name]) for name in after] == [1, 1, 2]  # of which one is the question itself

    # the way out that was told works as it stands
    told = admin.tells("status", "--host", "n1")
    command = told.err[0].split("`")[-2]
    subprocess.run(command, shell=True, cwd=admin.directory, check=True)  # noqa: S602 - what we told a person to run
    assert admin.tells("status", "--host", "n1").code == 0


def test_a_host_that_is_not_nixos_is_told_apart(admin: Admin) -> None:
    admin.hosts["n1"].run("rm /etc/NIXOS; echo 'PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"' > /etc/os-release")
    told = admin.tells("status")
    assert (told.code, [row[-2] for row in told.rows]) == (4, ["not NixOS", "in sync", "in sync"])
    assert told.err == [
        "n1: runs Debian GNU/Linux 13 (trixie), not NixOS; install NixOS on it, or correct its address",
        "1 of 3 machines could not be asked",
    ]


def test_a_user_without_any_rights_may_ask(admin: Admin) -> None:
    admin.config("User nobody-special")
    told = admin.tells("status")
    assert (told.code, [row[-2] for row in told.rows]) == (0, ["in sync"] * 3)


def test_a_user_who_gets_no_shell_gives_no_answer(admin: Admin) -> None:
    admin.hosts["n1"].run("usermod --shell /usr/sbin/nologin nobody-special")
    admin.config("Host n1\n  User nobody-special")
    told = admin.tells("status")
    assert (told.code, [row[-2] for row in told.rows]) == (4, ["no answer", "in sync", "in sync"])
    assert told.err[0] == (
        "n1: did not run the script that asks for its state (exit 1), but said: "
        "This account is currently not available."
    )


def test_what_a_login_shell_says_of_itself_does_no_harm(admin: Admin) -> None:
    n1 = admin.hosts["n1"]
    n1.run("printf 'echo welcome\\necho begin\\t1\\n' > /etc/bash.bashrc; cp /etc/bash.bashrc /root/.bashrc")
    assert n1.run("true").stdout.startswith("welcome\n")
    assert admin.tells("status", "--host", "n1").code == 0


def test_what_a_host_says_reaches_no_terminal_unfiltered(admin: Admin, first_systems: dict[str, str]) -> None:
    evil = "26.05\\033[2J\\033]0;x\\007 [bold]:boom:\\r\\b\\342\\200\\256"
    admin.hosts["n1"].run(f"printf '{evil}\\n' > {first_systems['n1']}/nixos-version")
    for command in ("status", "generations"):
        told = admin.tells(command, "--host", "n1")
        assert told.code == 0
        assert "26.05 [bold]:boom:" in told.rows[0]
        assert all(line.isprintable() for line in told.out)
        assert "\\u001b" not in json.dumps(admin.knows(command))


def test_generations_are_listed_with_what_runs_what_was_booted_and_what_boots_next(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    second = given(admin, "n1", 'environment.etc.now.text = "2";')
    committed(admin, "n1", second, "switch")
    third = given(admin, "n1", 'environment.etc.now.text = "3";')
    committed(admin, "n1", third, "boot")
    told = admin.tells("generations", "--host", "n1")
    assert (told.code, told.err, told.remarks) == (0, [], [])
    assert [(row[1], row[-2], row[-1]) for row in told.rows] == [
        ("3", "default", third),
        ("2", "current", second),
        ("1", "booted", first_systems["n1"]),
    ]
    n1 = admin.knows("generations", "--host", "n1")["n1"]
    listed = [(kept["generation"], kept["current"], kept["booted"], kept["default"]) for kept in n1["generations"]]
    assert listed == [(3, False, False, True), (2, True, False, False), (1, False, True, False)]
    made = admin.hosts["n1"].said(f"stat -c %Y {PROFILE}-1-link")
    assert n1["generations"][2]["made"] == time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(int(made)))
    assert all(kept["kernel"] and kept["nixos_version"] for kept in n1["generations"])


def test_a_host_that_runs_none_of_its_generations_is_named_with_what_it_runs(admin: Admin) -> None:
    tried = given(admin, "n1", 'environment.etc.tried.text = "yes";')
    admin.hosts["n1"].run(f"{tried}/bin/switch-to-configuration test")
    told = admin.tells("generations", "--host", "n1")
    assert told.remarks == [f"n1: runs {tried}, which is none of its generations"]


def test_a_hundred_generations_take_little_longer_than_one(admin: Admin, first_systems: dict[str, str]) -> None:
    n1 = admin.hosts["n1"]
    n1.run(f"for n in $(seq 2 300); do ln -s {first_systems['n1']} {PROFILE}-$n-link; done")
    began = time.monotonic()
    told = admin.tells("generations", "--host", "n1")
    assert (told.code, len(told.rows)) == (0, 300)
    assert time.monotonic() - began < 5
    assert [row[1] for row in told.rows[:2]] == ["300", "299"]


def test_a_host_without_generations_is_told_so(admin: Admin) -> None:
    n1 = admin.hosts["n1"]
    n1.run(f"rm {PROFILE} {PROFILE}-*-link")
    told = admin.tells("status", "--host", "n1")
    assert (told.code, told.rows[0][-2]) == (0, "unknown")
    assert told.remarks == ["n1: keeps no generation that it would boot"]
    runs = n1.said("readlink /run/current-system")
    told = admin.tells("generations", "--host", "n1")
    assert (told.code, told.rows) == (0, [])
    assert told.remarks == [
        "n1: keeps no generation",
        f"n1: runs {runs}, which is none of its generations",
        f"n1: was booted with {runs}, which is none of its generations",
    ]


def test_a_host_of_another_kind_than_the_inventory_says_is_told_so(admin: Admin) -> None:
    file = admin.directory / "hosts/inventory.yaml"
    inventory = json.loads(file.read_text())
    inventory["hosts"]["n1"]["system"] = "aarch64-linux"
    file.write_text(json.dumps(inventory))
    assert admin.tells("status").remarks == ["n1: is x86_64, but the inventory says aarch64-linux"]


def test_a_mistake_in_ssh_config_is_told_once_for_all_hosts(admin: Admin) -> None:
    admin.config("NoSuchThing yes")
    told = admin.tells("status")
    assert (told.code, told.out) == (1, [])
    assert told.err[0] == "reading ssh_config failed (exit 255)"
    assert sum("Bad configuration option: nosuchthing" in line for line in told.err) == 1


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--host=m1", "m1: is no machine of the lab; there are n1, n2, n3"),
        ("--on=n1,@rack", "@rack: is a tag that no machine has; there is no tag yet"),
    ],
)
def test_a_name_or_a_tag_that_nobody_has_is_refused_before_anybody_is_asked(
    admin: Admin, option: str, sentence: str
) -> None:
    told = admin.tells("status", option)
    assert (told.code, told.out, told.err) == (3, [], [sentence])


@pytest.mark.parametrize("words", ["", "@", "n1,,n2", "a b"])
def test_what_is_no_list_of_machines_is_wrong_usage(admin: Admin, words: str) -> None:
    told = admin.tells("generations", "--on", words)
    assert (told.code, told.out) == (2, [])
    assert told.err[-1] == (
        f"Error: Invalid value for '--on': {words!r} is not a list of names and @tags, such as @rack,nas"
    )


def test_many_hosts_are_asked_side_by_side(admin: Admin) -> None:
    inventory = json.loads((admin.directory / "hosts/inventory.yaml").read_text())
    network = admin.hosts["n1"].address.rpartition(".")[0]
    for number in range(20):
        name, real = f"m{number}", f"n{number % 3 + 1}"
        inventory["hosts"][name] = {
            **inventory["hosts"][real],
            "boot": {"disk": f"/dev/disk/by-id/nvme-{name}"},
            "links": {"eth0": {"network": "lan", "address": f"{network}.{100 + number}"}},
            "ssh": {"address": admin.hosts[real].address},
            "tags": ["many"],
        }
        admin.pin(name).write_text(admin.pin(real).read_text())
    (admin.directory / "hosts/inventory.yaml").write_text(json.dumps(inventory))
    began = time.monotonic()
    assert admin.tells("status", "--host", "m0").code == 0
    one = time.monotonic() - began
    began = time.monotonic()
    told = admin.tells("status", "--on", "@many")
    assert (told.code, len(told.rows)) == (0, 20)
    assert time.monotonic() - began < 10 * one
