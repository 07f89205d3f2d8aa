"""`pyhomelab install` before it reaches a machine: what is typed, and what the lab lacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from pyhomelab.cli.main import main, program
from pyhomelab.cli.newcomer import Place, bare_target
from pyhomelab.machines.targets import Target
from pyhomelab.model import Ssh
from tests.labs import written

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A lab as `gen` leaves it, without secrets."""
    hosts = tmp_path / "lab/hosts"
    hosts.mkdir(parents=True)
    (hosts / "inventory.yaml").write_text(json.dumps(written()))
    assert CliRunner().invoke(program, ["gen", str(hosts)]).exit_code == 0
    return hosts


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    """How the program ends, and the last line that it says."""
    with pytest.raises(SystemExit) as end:
        main(["install", *arguments])
    return end.value.code, capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--yes-erase", "dl2"], "Error: --yes-erase names dl2, and dl1 is to be installed: name the same"),
        (["--kexec-image", "x"], "Error: --kexec-image is for --kexec: give both, or neither"),
        (["--port", "2222"], "Error: --port is of --address: give both, or neither"),
        (["--json", "--json-events"], "Error: --json and --json-events are both for stdout: choose one"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    capsys: pytest.CaptureFixture[str], lab: Path, arguments: list[str], sentence: str
) -> None:
    assert said(capsys, "dl1", "--inventory", str(lab), *arguments) == (2, sentence)


def test_a_machine_that_the_inventory_does_not_have_is_named(capsys: pytest.CaptureFixture[str], lab: Path) -> None:
    code, sentence = said(capsys, "dl9", "--inventory", str(lab))
    assert code == 3
    assert "dl9" in sentence
    assert "did you mean dl1, dl2 or dl3?" in sentence


def test_without_a_host_key_that_was_made_for_it_nothing_is_begun(
    capsys: pytest.CaptureFixture[str], lab: Path
) -> None:
    assert said(capsys, "dl1", "--inventory", str(lab)) == (
        3,
        f"{lab}/secrets/hosts/dl1.pub: there is no host key for it yet, without which it could not be known again, "
        "or read a secret; `pyhomelab secret generate ssh-host-dl1` makes it",
    )


def test_a_machine_that_made_its_own_host_key_cannot_be_given_it(capsys: pytest.CaptureFixture[str], lab: Path) -> None:
    (lab / "secrets/hosts").mkdir(parents=True)
    (lab / "secrets/hosts/dl1.pub").write_text(f"{KEY}\n")
    code, sentence = said(capsys, "dl1", "--inventory", str(lab))
    assert code == 3
    assert sentence.startswith(
        f"{lab}/secrets/ssh-host-dl1.yaml: is not there (the host key that dl1 gets when it is installed)"
    )


def test_files_that_are_stale_are_not_installed(capsys: pytest.CaptureFixture[str], lab: Path) -> None:
    (lab / "dl1/network.nix").unlink()
    said_so = f"{lab}: 1 file not as the inventory says; run `pyhomelab gen`"
    assert said(capsys, "dl1", "--inventory", str(lab)) == (3, said_so)


def target(tmp_path: Path, **ssh: object) -> Target:
    """A machine as the inventory has it."""
    return Target("dl1", "192.168.10.11", Ssh.model_validate(ssh), KEY, tmp_path / "dl1.pub", "x86_64-linux", ())


@pytest.mark.parametrize(
    ("typed", "port", "reached"),
    [
        ("192.168.10.77", None, ("192.168.10.77", "root", 22)),
        ("mika@192.168.10.77", 2222, ("192.168.10.77", "mika", 2222)),
        ("fd00::77", None, ("fd00::77", "root", 22)),
        ("root@[fd00::77]", None, ("fd00::77", "root", 22)),
        ("nixos.local", None, ("nixos.local", "root", 22)),
    ],
)
def test_a_machine_is_reached_where_it_answers_until_it_is_installed(
    tmp_path: Path, typed: str, port: int | None, reached: tuple[str, str, int]
) -> None:
    stated = target(tmp_path, address="192.168.10.200", port="2200", user="mika", jump="dl2")
    found = bare_target(stated, Place(typed, port, None))
    assert (found.ssh.address, found.ssh.user, found.ssh.port) == reached
    assert (found.ssh.jump, found.host_key) == ("dl2", None)


def test_without_an_address_it_is_where_the_inventory_says_and_only_root_is_known_there(tmp_path: Path) -> None:
    found = bare_target(target(tmp_path, address="192.168.10.200", user="mika"), Place(None, None, None))
    assert (found.ssh.address, found.ssh.user, found.host_key) == ("192.168.10.200", "root", None)


@pytest.mark.parametrize("typed", ["", "a b", "root@", "-oProxyCommand=x", "x;y", "@x"])
def test_what_is_no_address_is_refused(tmp_path: Path, typed: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        bare_target(target(tmp_path), Place(typed, None, None))
    assert refused.value.message == f"{typed} is not [user@]address"
