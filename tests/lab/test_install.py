"""`pyhomelab install` on real hosts: everything but the disks and nixos-anywhere is real."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from pyhomelab.deployment.journal import Journal
from tests.lab.needs import missing_for_systems
from tests.lab.newcomers import DEBIAN, GIB, Newcomer, disk
from tests.secret_keys import needs_sops

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.told import Told

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    needs_sops,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]


DISK = "/dev/disk/by-id/nvme-n1"


def journal_of(newcomer: Newcomer) -> list[tuple[str, str | None]]:
    """The steps in the journal, with their outcomes."""
    with Journal.open(newcomer.admin.directory / ".pyhomelab/journal.sqlite") as journal:
        run = journal.last_run()
        assert run is not None
        return [(entry.stage, entry.outcome) for entry in journal.entries(run.id)]


def private_key_is_somewhere(newcomer: Newcomer, tmp_path: Path) -> list[str]:
    """The files of this computer in which the private half of n1's new host key lies open."""
    key = newcomer.host.inside("cat /etc/ssh/ssh_host_ed25519_key").stdout.splitlines()[2]
    argv = ["grep", "-rlF", "--", key, str(tmp_path), "/dev/shm", "/run/user", "/nix/store"]  # noqa: S108 - looked into
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()


def said_memory(told: Told) -> str:
    """How much memory the test host said that it has: that of this computer."""
    found = re.search(r"(\d+GiB) of memory; runs", told.err[0])
    assert found is not None
    return found[1]


def test_a_bare_machine_becomes_a_machine_of_the_lab(newcomer: Newcomer, tmp_path: Path) -> None:
    told = newcomer.installs()
    assert (told.code, told.out) == (0, ["n1: installed"]), told.err
    assert newcomer.phases == ["disko", "install", "reboot"]
    system = newcomer.said("readlink /run/current-system")
    for call in newcomer.calls:
        assert call.after("--store-paths", 2) == system
        assert call.after("--target-host") == "n1"
    assert newcomer.calls[1].lines("extra") == [
        "755 ",
        "755 etc",
        "755 etc/ssh",
        "600 etc/ssh/ssh_host_ed25519_key",
        "644 etc/ssh/ssh_host_ed25519_key.pub",
    ]
    assert (
        newcomer.said("cat /etc/ssh/ssh_host_ed25519_key.pub").split()
        == newcomer.admin.pin("n1").read_text().split()[:2]
    )
    assert private_key_is_somewhere(newcomer, tmp_path) == []
    assert journal_of(newcomer) == [
        ("erase", "done"),
        ("install", "done"),
        ("restart", "done"),
        ("first boot", "deployed"),
    ]
    state = newcomer.admin.knows("status", "--host", "n1")["n1"]
    assert (state["drift"], state["last_deployment"]["kind"]) == ("in sync", "install")


def test_what_is_erased_is_shown_before_anybody_agrees(newcomer: Newcomer) -> None:
    part = {
        "name": "nvme0n1p1",
        "kname": "nvme0n1p1",
        "type": "part",
        "size": 200 * GIB,
        "fstype": "ntfs",
        "label": "Games",
    }
    newcomer.has(disk(children=[{**part, "mountpoints": [None]}]), by_id={"nvme-n1": "nvme0n1"})
    told = newcomer.tells("install", "n1", "--host-key", newcomer.fingerprint)
    assert told.code == 3
    assert re.fullmatch(
        r"n1: .*x86_64, \d+ CPU threads?, \d+GiB of memory; runs NixOS 26\.05 \(Yarara\), installer \(n1\)", told.err[0]
    )
    row = next(line for line in told.err if line.strip().startswith(DISK))
    assert [word.strip() for word in row.split("  ") if word.strip()] == [
        f"{DISK} (nvme0n1)",
        "system disk",
        "238GiB",
        "SAMSUNG MZVLB256",
        "S4GFNX0M1",
        "ntfs Games",
    ]
    assert told.err[-1] == "n1: nobody is there to agree that its disks are erased; give --yes-erase n1"
    assert newcomer.calls == []


def test_every_doubt_is_said_at_once_and_nothing_is_done(newcomer: Newcomer) -> None:
    other = {"name": "sda1", "kname": "sda1", "type": "part", "size": GIB, "fstype": "ext4", "label": None}
    newcomer.has(
        disk("sda", size=4 * GIB, ro=True, children=[{**other, "partlabel": "n2-root", "mountpoints": ["/iso"]}]),
        by_id={"nvme-n1": "sda"},
    )
    newcomer.wants({"memory": "512GiB", "boot": {"firmware": "uefi", "disk": DISK}})
    told = newcomer.installs()
    assert told.code == 3
    name = f"{DISK} (system disk, /dev/sda)"
    assert told.err[told.err.index("n1: is not installed, and nothing was changed:") + 1 :] == [
        "- it was started by a BIOS, and the inventory says uefi: choose that in its firmware setup, or correct `firmware`",
        f"- it has {said_memory(told)} of memory, and the inventory says 512GiB: is it n1?",
        f"- {name} is in use: mounted at /iso (sda1)",
        f"- {name} is in use: the medium that the machine booted from (sda1)",
        f"- {name} cannot be written to",
        f"- {name} has 4GiB, and the system needs 7GiB on it",
        f"- {name} holds the system of n2: is it the right machine, and the right disk?",
    ]
    assert newcomer.calls == []


def test_another_host_key_than_the_vouched_for_is_not_talked_to(newcomer: Newcomer) -> None:
    told = newcomer.installs("--host-key", "SHA256:AAAA")
    shown = newcomer.fingerprint
    assert (told.code, told.err) == (
        3,
        [
            f"n1: it shows the host key {shown}, not SHA256:AAAA; somebody else may answer there; "
            "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` at its console says which is its own"
        ],
    )


@pytest.mark.parametrize(
    ("phase", "step", "after"),
    [
        ("disko", "erase", ["disko", "install", "reboot"]),
        ("install", "install", ["install", "reboot"]),
    ],
)
def test_a_step_that_fails_is_where_it_goes_on(newcomer: Newcomer, phase: str, step: str, after: list[str]) -> None:
    told = newcomer.installs(ANYWHERE_FAILS=phase)
    assert (told.code, told.out) == (5, [f"n1: not installed: {step} failed (exit 1)"]), told.err
    assert f"n1:   aborted: the phase {phase} fails, as it was told" in told.err
    assert told.err[-1] == (
        "n1 needs a person: its disks may be erased, and it does not run its system; "
        "when that is mended, `pyhomelab install n1 --resume` goes on"
    )
    assert journal_of(newcomer)[-1] == (step, "failed")
    done = len(newcomer.calls)
    again = newcomer.installs("--resume")
    assert (again.code, again.out) == (0, ["n1: installed"]), again.err
    assert newcomer.phases[done:] == after


def test_disks_that_were_erased_are_only_mounted_after_a_restart(newcomer: Newcomer) -> None:
    newcomer.installs(ANYWHERE_FAILS="install")
    newcomer.host.reboot()
    newcomer.starts_the_installer()
    told = newcomer.installs("--resume")
    assert (told.code, told.out) == (0, ["n1: installed"]), told.err
    assert newcomer.phases[2:] == ["disko", "install", "reboot"]
    erasing, _, mounting = (call.after("--store-paths") for call in newcomer.calls[:3])
    assert (erasing[44:], mounting[44:]) == ("disko", "disko-mount")


def test_a_machine_with_other_disks_is_not_gone_on_with(newcomer: Newcomer) -> None:
    newcomer.installs(ANYWHERE_FAILS="install")
    newcomer.has(disk(serial="ANOTHER"), by_id={"nvme-n1": "nvme0n1"})
    told = newcomer.installs("--resume")
    assert (told.code, told.err[-1]) == (
        3,
        "n1: it has other disks than the machine that was being installed; correct its address, or begin anew with `pyhomelab install n1`",
    )
    assert newcomer.phases == ["disko", "install"]


def test_another_linux_is_left_for_an_installer_when_that_is_asked_for(newcomer: Newcomer) -> None:
    newcomer.runs(DEBIAN)
    newcomer.has(disk(children=[mounted("nvme0n1p1", "/")]), by_id={"nvme-n1": "nvme0n1"})
    refused = newcomer.installs()
    assert (refused.code, newcomer.calls) == (3, [])
    assert refused.err[-2:] == [
        "- it runs Debian GNU/Linux 13 (trixie) (n1), not an installer: start it from the installer image, or give --kexec to have it leave that for an installer in memory",
        f"- {DISK} (system disk, /dev/nvme0n1) is in use: mounted at / (nvme0n1p1)",
    ]
    told = newcomer.installs("--kexec", "--kexec-image", "/srv/installer.tar.gz")
    # the stand-in's installer has the disk mounted still, which the real one has not
    assert (told.code, newcomer.phases) == (4, ["kexec"])
    assert newcomer.calls[0].lines("kexec") == ["/srv/installer.tar.gz"]
    assert told.out == [f"n1: left alone: {DISK} (system disk, /dev/nvme0n1) is in use: mounted at / (nvme0n1p1)"]
    assert (
        told.err[-1]
        == "n1 was not installed; its disks are as they were; when that is mended, `pyhomelab install n1 --resume` goes on"
    )
    newcomer.has(disk(), by_id={"nvme-n1": "nvme0n1"})
    again = newcomer.installs("--resume")
    assert (again.code, again.out, newcomer.phases) == (
        0,
        ["n1: installed"],
        ["kexec", "disko", "install", "reboot"],
    ), again.err


def mounted(name: str, place: str) -> dict[str, object]:
    """A partition that is mounted, as lsblk tells of it."""
    kind = {"name": name, "kname": name, "type": "part", "size": 200 * GIB, "fstype": "ext4", "label": None}
    return {**kind, "mountpoints": [place]}


def test_a_machine_that_runs_as_itself_is_deployed_to(newcomer: Newcomer) -> None:
    assert newcomer.installs().code == 0
    told = newcomer.installs()
    assert told.code == 3
    assert "- it runs as n1 already: `pyhomelab deploy --host n1` brings it up to date" in told.err
    assert newcomer.phases == ["disko", "install", "reboot"]


def test_a_machine_that_starts_from_the_installer_again_needs_a_person(newcomer: Newcomer) -> None:
    told = newcomer.installs("--boot-limit", "4s", ANYWHERE_FORGETS="1")
    assert (told.code, told.out) == (
        5,
        [
            "n1: not back: not after 4 s: the installer answers still: have its firmware start the disk first, and take the installer's medium out"
        ],
    ), told.err
    again = newcomer.installs("--resume")
    assert (again.code, again.out, newcomer.phases[3:]) == (0, ["n1: installed"], ["reboot"]), again.err


def test_a_failing_check_is_said_when_it_is_installed(newcomer: Newcomer) -> None:
    newcomer.wants({"checks": {"never": {"command": "false"}}})
    told = newcomer.installs("--json")
    found = json.loads("\n".join(told.out))["hosts"]["n1"]
    assert (told.code, found["state"], found["runs"]) == (1, "installed", newcomer.said("readlink /run/current-system"))
    assert told.err[-1] == "n1 is installed, but not all is well; `pyhomelab verify --host n1`"
