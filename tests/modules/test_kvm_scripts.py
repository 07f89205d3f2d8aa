from __future__ import annotations

import re
import subprocess
from functools import cache

import pytest

from tests.modules.harness import needs_nixpkgs_lib
from tests.modules.kvm_guests import guest, machine, needs
from tests.modules.kvm_host import programs, units_of
from tests.modules.sources import ROOT

pytestmark = needs_nixpkgs_lib

PREPARE = "homelab-guest-k8s-1-prepare"
TOOLS = {"homelab-guest-disk": "disk", "homelab-guest": "guest", "homelab-guests-forget": "forget"}
NASTY_PATH = '/srv/$(reboot) it\'s \\"here\\".raw'


@cache
def texts() -> dict[str, str]:
    disk = f'name = "a"; kind = "file"; source = "{NASTY_PATH}"; size = "1G";'
    return programs(units_of(machine(guest(disks=disk))))


def bash(*arguments: str, text: str) -> str:
    done = subprocess.run(arguments, input=text, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}{done.returncode}"


def test_there_are_four_programs() -> None:
    assert set(texts()) == {PREPARE, *TOOLS}


@needs("shellcheck", "shellcheck")
@pytest.mark.parametrize("name", [PREPARE, *TOOLS])
def test_shellcheck_has_nothing_to_say(name: str) -> None:
    # A path with a dollar sign stays in single quotes; the program with paths in it says so to its build, too.
    excluded = ["--exclude=SC2016"] if name == PREPARE else []

    assert bash("shellcheck", "--shell=bash", *excluded, "-", text=texts()[name]) == "0"


@pytest.mark.parametrize("name", [PREPARE, *TOOLS])
def test_bash_can_read_it(name: str) -> None:
    assert bash("bash", "-n", text=texts()[name]) == "0"


def test_a_path_of_a_disk_is_one_word_whatever_is_in_it() -> None:
    text = texts()[PREPARE]
    stand_in = "homelab-guest-disk() { printf '<%s>' \"$@\"; }\nhomelab-guest() { :; }\n"

    said = bash("bash", "-s", text=stand_in + text)

    assert said == '<file><k8s-1><raw></srv/$(reboot) it\'s "here".raw><1G>0'


@pytest.mark.parametrize("name", [PREPARE, *TOOLS])
def test_nothing_deletes_or_shrinks_a_disk(name: str) -> None:
    forbidden = (
        r"zfs (?:destroy|rollback|rename|receive)|\b(?:rm|dd|mkfs|wipefs)\b"
        r"|--remove-all-storage|--storage|--wipe-storage|--shrink|vol-delete"
    )

    assert re.findall(forbidden, texts()[name]) == []


@pytest.mark.parametrize(("name", "file"), TOOLS.items())
def test_a_tool_is_the_shell_file_of_the_module(name: str, file: str) -> None:
    text = (ROOT / f"nix/modules/kvm/scripts/{file}.sh").read_text()

    assert texts()[name].rstrip().endswith(text.rstrip())
