"""What a machine that is to be installed says of itself, by the real script and what is read of it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from pyhomelab.installing.standing import SCRIPT, PoolLabel, Standing, standing_of
from pyhomelab.shell import Done
from pyhomelab.state.hoststate import NoAnswer

if TYPE_CHECKING:
    from pathlib import Path

LABEL = """\
------------------------------------
LABEL 0
------------------------------------
    version: 5000
    name: 'tank'
    state: 0
    txg: 4
    hostid: 2071985544
    hostname: 'dl2'
    vdev_tree:
        type: 'mirror'
        hostname: 'nobody'
"""


class Machine:
    """A machine whose lsblk and zdb say what they are told; the script runs on this computer."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.release = place / "os-release"
        self.runs("ID=nixos", "VARIANT_ID=installer", 'PRETTY_NAME="NixOS 26.05 (Yarara)"')

    def runs(self, *lines: str) -> None:
        """Have these lines in os-release."""
        self.release.write_text("".join(f"{line}\n" for line in lines))

    def has(self, program: str, script: str) -> None:
        """Have a program."""
        file = self.place / program
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def says(self) -> Standing:
        """Ask it."""
        script = SCRIPT.replace("/etc/os-release", str(self.release))
        environment = {"PATH": f"{self.place}:{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, env=environment, check=False)
        return standing_of("dl1", Done(done.returncode, done.stdout, done.stderr))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.has("lsblk", ":")
    return made


@pytest.mark.parametrize(
    ("lines", "is_nixos", "is_installer", "runs"),
    [
        (["ID=nixos", "VARIANT_ID=installer", 'PRETTY_NAME="NixOS 26.05"'], True, True, "NixOS 26.05"),
        (['ID="nixos"', 'VARIANT_ID="installer"'], True, True, "another system"),
        (["ID=nixos", 'VARIANT_ID=""', "PRETTY_NAME=NixOS"], True, False, "NixOS"),
        (["ID=debian", 'PRETTY_NAME="Debian GNU/Linux 13"'], False, False, "Debian GNU/Linux 13"),
        (["ID=debian", "VARIANT_ID=installer"], False, False, "another system"),
        ([], False, False, "another system"),
    ],
)
def test_only_an_installer_of_nixos_is_one(
    machine: Machine,
    lines: list[str],
    is_nixos: bool,  # noqa: FBT001 - a column
    is_installer: bool,  # noqa: FBT001 - a column
    runs: str,
) -> None:
    machine.runs(*lines)
    said = machine.says()
    assert (said.is_nixos, said.is_installer, said.runs) == (is_nixos, is_installer, runs)
    assert said.hostname == os.uname().nodename
    assert len(said.boot_id) == 36


def test_partitions_are_told_by_their_labels(machine: Machine) -> None:
    machine.has("lsblk", 'case "$*" in *PARTLABEL) printf "sda \\nsda1 dl2-root\\nsda2 Basic\\\\x20data\\n" ;; esac')
    assert machine.says().part_labels == {"sda1": "dl2-root", "sda2": "Basic\\x20data"}


def test_a_pool_is_told_with_the_machine_that_had_it_last(machine: Machine) -> None:
    machine.has(
        "lsblk", 'case "$*" in *FSTYPE) printf "sda \\nsda1 ext4\\nsdb1 zfs_member\\nsdc zfs_member\\n" ;; esac'
    )
    machine.has("zdb", f'[ "$2" = /dev/sdb1 ] || exit 2\ncat <<E\n{LABEL}E')
    assert machine.says().pools == (PoolLabel("sdb1", "tank", "dl2"), PoolLabel("sdc", "", ""))


def test_without_zdb_nothing_is_told_of_pools(machine: Machine) -> None:
    machine.has("lsblk", 'case "$*" in *FSTYPE) echo sdb1 zfs_member ;; esac')
    assert machine.says().pools == ()


def test_what_would_steer_a_terminal_is_taken_out(machine: Machine) -> None:
    machine.runs("ID=nixos", 'PRETTY_NAME="Nix\033[31mOS\033[0m"')
    assert machine.says().runs == "NixOS"


def test_a_machine_that_says_something_else_has_not_answered() -> None:
    with pytest.raises(NoAnswer) as failure:
        standing_of("dl1", Done(127, "", "sh: not found\n"))
    assert str(failure.value) == "dl1: did not say what runs there, but: sh: not found"


@pytest.mark.parametrize(
    "rows", ["os\tnixos", "os\ta\tb\tc", "os\ta\tb\tc\nhost\tdl1", "os\ta\tb\tc\nhost\ta\tb\nlabel\tx"]
)
def test_an_answer_that_makes_no_sense_is_none(rows: str) -> None:
    with pytest.raises(NoAnswer) as failure:
        standing_of("dl1", Done(0, f"begin\t1\n{rows}\nend\n", ""))
    assert str(failure.value) == "dl1: said what runs there in a way that makes no sense"
