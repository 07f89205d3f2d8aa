"""A deploy that was killed goes on where it was: every machine ends right, and nothing is done twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.lab.killed import MOMENTS, REBOOTS
from tests.lab.needs import missing_for_systems
from tests.lab.told import Admin
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

RUNS = "readlink /run/current-system; readlink /boot/default"
COUNTED = """
  stub.services.web = { };
  system.activationScripts.count = ''[ "$NIXOS_ACTION" != test ] || { echo "$systemConfig" >> /var/activated; sleep 1; }'';
"""
HOSTS = ("n1", "n2")


@pytest.fixture
def admin(installed_hosts: dict[str, LabHost], lab_directory: Path, tmp_path: Path) -> Admin:
    admin = Admin(lab_directory, tmp_path / "home", installed_hosts)
    for name in HOSTS:
        (lab_directory / "hosts" / name / "extra.nix").write_text(f"{{ lib, pkgs, ... }}:\n{{{COUNTED}}}\n")
    return admin


def started(admin: Admin, *words: str) -> subprocess.Popen[str]:
    """Run the program beside this one; what it says on stderr can be read."""
    return subprocess.Popen(
        [sys.executable, "-m", "pyhomelab", *words],
        cwd=admin.directory,
        env={**os.environ, "HOME": str(admin.home), "PYTHONPATH": str(ROOT), "SSH_AUTH_SOCK": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed(admin: Admin, moment: str, host: str = "n2", *others: str) -> None:
    """Deploy to two hosts, n1 before n2, or with other options, by a program that is killed."""
    words = ["deploy", "--yes", *(others or ("--host", "n1", "--host", "n2")), "--probation", "20s"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.lab.killed", moment, host, *words],
        cwd=admin.directory,
        env={**os.environ, "HOME": str(admin.home), "PYTHONPATH": str(ROOT), "SSH_AUTH_SOCK": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def activated(host: LabHost) -> int:
    """How often the new system was tried on a host."""
    return len(host.said("cat /var/activated 2>/dev/null || true").split())


def runs_new(admin: Admin, first_systems: dict[str, str]) -> bool:
    """Whether both hosts run and boot something new."""
    for name in HOSTS:
        current, boots = admin.hosts[name].said(RUNS).split()
        if not current == boots != first_systems[name]:
            return False
    return True


@pytest.mark.parametrize("moment", MOMENTS)
def test_wherever_a_deploy_is_killed_it_goes_on_and_tries_every_system_once(
    admin: Admin, first_systems: dict[str, str], moment: str
) -> None:
    killed(admin, moment)
    told = admin.tells("deploy", "--resume", "--yes")
    assert told.code == 0, told.err
    assert [line.split(": ")[:2] for line in told.out] == [["n1", "deployed"], ["n2", "deployed"]]
    if "trial" in moment:
        assert told.out[0] == "n1: deployed: before this deploy was resumed"
    assert runs_new(admin, first_systems)
    assert [activated(admin.hosts[name]) for name in HOSTS] == [1, 1]
    over = admin.tells("deploy", "--resume", "--yes")
    assert (over.code, over.err[-1]) == (
        3,
        "there is nothing to resume: the last run came to its end; `pyhomelab deploy`",
    )


@pytest.mark.parametrize("moment", REBOOTS)
def test_wherever_a_reboot_is_left_it_is_brought_to_its_end_and_no_machine_reboots_twice(
    admin: Admin, first_systems: dict[str, str], moment: str
) -> None:
    counts = "system.activationScripts.count = ''[ -n \"$NIXOS_ACTION\" ] || echo boot >> /var/boots'';"
    (admin.directory / "hosts/n1/extra.nix").write_text(f'{{ boot.kernelParams = [ "quiet" ]; {counts} }}')
    killed(admin, moment, "n1", "--host", "n1", "--reboot", "needed")
    told = admin.tells("deploy", "--resume", "--yes")
    assert told.code == 0, told.err
    assert told.out[0].startswith("n1: deployed")
    booted, *systems = admin.hosts["n1"].said(f"readlink /run/booted-system; {RUNS}").split()
    assert [booted] * 2 == systems != [first_systems["n1"]] * 2
    assert admin.hosts["n1"].said("cat /var/boots") == "boot"


def test_a_machine_that_went_back_for_want_of_a_word_is_tried_again(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    killed(admin, "before it is confirmed")
    admin.hosts["n2"].inside("until grep -q ^rolled-back /run/pyhomelab/*/state; do sleep 0.1; done")
    told = admin.tells("deploy", "--resume", "--yes")
    assert (told.code, told.out) == (0, ["n1: deployed: before this deploy was resumed", "n2: deployed"]), told.err
    assert runs_new(admin, first_systems)
    assert activated(admin.hosts["n2"]) == 2


def test_a_machine_that_lost_power_in_its_trial_boots_the_old_system_and_is_tried_again(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    killed(admin, "while the system is activated")
    admin.hosts["n2"].lose_power()
    admin.hosts["n2"].power_on()
    admin.hosts["n2"].reachable()
    assert admin.hosts["n2"].said(RUNS).split() == [first_systems["n2"]] * 2
    assert admin.tells("deploy", "--resume", "--yes").code == 0
    assert runs_new(admin, first_systems)


def test_a_machine_that_went_back_because_of_its_system_is_not_tried_again_and_stops_its_followers(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    (admin.directory / "hosts/n1/extra.nix").write_text(
        '{ stub.services.web = { oneshot = true; script = "exit 1"; }; }'
    )
    killed(admin, "after the trial", "n1")
    told = admin.tells("deploy", "--resume", "--yes")
    assert told.code == 4
    assert told.out == [
        "n1: rolled back: web.service failed",
        "n2: left alone: comes after the canary n1 (rolled back)",
    ]
    assert [admin.hosts[name].said(RUNS).split() for name in HOSTS] == [[first_systems[name]] * 2 for name in HOSTS]


def test_a_run_that_is_still_at_work_is_not_resumed(admin: Admin) -> None:
    words = ["deploy", "--yes", "--host", "n1"]
    with started(admin, *words) as other:
        assert other.stderr is not None
        for line in other.stderr:
            if "trying its system" in line:
                break
        told = admin.tells("deploy", "--resume", "--yes")
        other.stderr.read()
        assert other.wait() == 0
    assert told.code == 3
    assert re.fullmatch(
        r"run \S+ is still at work, started by \S+ \(process \d+\); wait for it to end", told.err[-1]
    ), told.err


def test_a_new_deploy_says_that_an_earlier_one_was_cut_short(admin: Admin) -> None:
    killed(admin, "before the trial begins")
    told = admin.tells("deploy", "--yes", "--host", "n2")
    assert told.code == 0
    assert re.fullmatch(
        r"the deploy \S+, begun \S+ \S+ by .* did not come to its end: --resume would go on with it, this begins anew",
        told.err[0],
    ), told.err


def test_ctrl_c_once_lets_a_trial_end_and_begins_no_other(admin: Admin, first_systems: dict[str, str]) -> None:
    code, err = interrupted(admin, times=1)
    assert code == 4, err
    assert "stopping when these machines are done; Ctrl-C again leaves at once, and they go back" in err
    assert admin.hosts["n1"].said(RUNS).split() != [first_systems["n1"]] * 2
    assert admin.hosts["n2"].said(RUNS).split() == [first_systems["n2"]] * 2
    told = admin.tells("deploy", "--resume", "--yes")
    assert (told.code, told.out) == (0, ["n1: deployed: before this deploy was resumed", "n2: deployed"]), told.err


def test_ctrl_c_twice_leaves_at_once_and_the_machine_goes_back_by_itself(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    began = time.monotonic()
    code, err = interrupted(admin, times=2)
    assert code == 130, err
    assert (
        err.splitlines()[-1]
        == "left at once: machines that were being tried go back by themselves; `pyhomelab deploy --resume` goes on"
    )
    assert time.monotonic() - began < 60
    admin.hosts["n1"].inside("until grep -q ^rolled-back /run/pyhomelab/*/state; do sleep 0.1; done")
    assert admin.hosts["n1"].said(RUNS).split() == [first_systems["n1"]] * 2


def interrupted(admin: Admin, times: int) -> tuple[int, str]:
    """Deploy, and press Ctrl-C while n1 is being tried; gives the exit code and what was said."""
    words = ["deploy", "--yes", "--host", "n1", "--host", "n2", "--probation", "8s"]
    said: list[str] = []
    with started(admin, *words) as program:
        assert program.stderr is not None
        for line in program.stderr:
            said.append(line)
            if "trying its system" in line:
                admin.hosts["n1"].inside("until [ -e /run/pyhomelab/*/state ]; do sleep 0.05; done")
                program.send_signal(signal.SIGINT)
            elif "stopping when" in line:
                if times > 1:
                    program.send_signal(signal.SIGINT)
                break
        said.append(program.stderr.read())
        code = program.wait()
    return code, "".join(said)
