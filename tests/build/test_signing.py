"""The key that signs what is built: made once, known by its public half, and proof of where a closure came from."""

from __future__ import annotations

import json
import re
import shutil
import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from pyhomelab.cli.main import program
from pyhomelab.errors import Refused
from pyhomelab.nix.signing import make_signing_key, public_key_file, signing_key_file, trusted_keys
from tests.build.labs import NixLab, own_store
from tests.flakes import needs_nix
from tests.modules.harness import evaluate, needs_nixpkgs_lib
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c mika@home"
ONE = f"home-1:{'A' * 43}="
TWO = f"home-2:{'B' * 43}="


def pyhomelab(*arguments: object) -> Result:
    return CliRunner().invoke(program, list(map(str, arguments)))


def new_lab(directory: Path, *arguments: str) -> Result:
    """Let `init` make a lab for an admin whose key is given."""
    key = directory.parent / "id.pub"
    key.write_text(SSH_KEY)
    return pyhomelab("init", directory, "--name", "home", "--ssh-key", key, *arguments)


def make_key(lab: NixLab) -> str:
    return make_signing_key("home", lab.root / ".pyhomelab", lab.root / "hosts")


@pytest.mark.nix
@needs_nix
def test_a_new_lab_has_a_key_whose_private_half_only_its_owner_reads(tmp_path: Path) -> None:
    result = new_lab(tmp_path / "lab", "--json")
    assert result.exit_code == 0, result.output
    public = json.loads(result.stdout)["signing_key"]
    assert re.fullmatch(r"home-[0-9a-f]{4}:[A-Za-z0-9+/]{43}=", public)
    assert (tmp_path / "lab/hosts/signing.pub").read_text() == f"{public}\n"
    private = tmp_path / "lab/.pyhomelab/signing.key"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    assert private.read_text().strip() not in result.output
    assert ".pyhomelab/" in (tmp_path / "lab/.gitignore").read_text()


@pytest.mark.nix
@needs_nix
def test_a_second_run_keeps_the_key(lab: NixLab) -> None:
    first = make_key(lab)
    private = signing_key_file(lab.root / ".pyhomelab").read_bytes()
    assert make_key(lab) == first
    assert signing_key_file(lab.root / ".pyhomelab").read_bytes() == private
    assert trusted_keys(lab.root / "hosts") == (first,)


@pytest.mark.nix
@needs_nix
def test_the_public_half_is_written_down_again_when_it_was_lost(lab: NixLab) -> None:
    first = make_key(lab)
    public_key_file(lab.root / "hosts").unlink()
    assert make_key(lab) == first
    assert trusted_keys(lab.root / "hosts") == (first,)


@pytest.mark.nix
@needs_nix
def test_another_machine_that_builds_gets_a_key_beside_the_first(lab: NixLab) -> None:
    first = make_key(lab)
    shutil.rmtree(lab.root / ".pyhomelab")  # as in another clone of the lab
    result = pyhomelab("init", lab.root, "--only-signing-key")
    assert result.exit_code == 0, result.output
    assert result.output == (
        f"{lab.root}/.pyhomelab/signing.key signs what is built here; git does not see it\n"
        f"Next: pyhomelab gen, git add {lab.root}/hosts/signing.pub, and bring that to the machines\n"
    )
    keys = trusted_keys(lab.root / "hosts")
    assert len(keys) == 2
    assert keys[0] == first
    assert json.loads(pyhomelab("init", lab.root, "--only-signing-key", "--json").stdout)["signing_key"] == keys[1]


def test_only_a_lab_gets_a_key_of_its_own(tmp_path: Path) -> None:
    result = CliRunner().invoke(program, ["init", str(tmp_path), "--only-signing-key"])
    assert isinstance(result.exception, Refused)
    assert str(result.exception) == f"{tmp_path}: has no hosts directory, so it is no lab; leave the option out"


def test_without_nix_a_lab_is_made_and_it_is_said_how_to_get_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = new_lab(tmp_path / "lab")
    assert result.exit_code == 0, result.output
    assert (
        f"{tmp_path}/lab: no key yet to sign what is built, nix is not on PATH; "
        f"`pyhomelab init --only-signing-key {tmp_path}/lab` makes it later\n"
    ) in result.output
    assert not (tmp_path / "lab/hosts/signing.pub").exists()


@pytest.mark.nix
@needs_nix
def test_machines_are_told_to_trust_the_key(tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    new_lab(lab)
    assert pyhomelab("gen", lab / "hosts").exit_code == 0
    (key,) = trusted_keys(lab / "hosts")
    assert f'trustedKeys = [ "{key}" ];' in (lab / "hosts/lab.nix").read_text()


@needs_nixpkgs_lib
def test_a_machine_takes_what_a_trusted_key_signed() -> None:
    base = f'homelab.base = {{ enable = true; admins.mika.sshKeys = [ "{SSH_KEY}" ]; trustedKeys = [ "{ONE}" ]; }};'
    keys = evaluate(f"{{ {base} }}", "config.nix.settings.trusted-public-keys", lab=ROOT / "nix/modules/base")
    assert ONE in keys


@pytest.mark.nix
@needs_nix
def test_what_is_built_bears_the_signature_of_the_lab_and_of_no_other(lab: NixLab) -> None:
    key = make_key(lab)
    pyhomelab("gen", lab.root / "hosts")
    done = lab.build("--host", "dl1")
    assert done.returncode == 0, done.stderr
    toplevel = done.stdout.strip()
    assert f"dl1: built and signed: {toplevel}\n" in done.stderr
    closure = lab.nix("path-info", "--recursive", "--sigs", toplevel).stdout.splitlines()
    assert len(closure) == 2  # the system and its etc
    assert all(f" {key.partition(':')[0]}:" in line for line in closure)
    assert verified(lab, key, toplevel)
    assert not verified(lab, f"{key.partition(':')[0]}:{'A' * 43}=", toplevel)


def verified(lab: NixLab, key: str, path: str) -> bool:
    words = ("--recursive", "--sigs-needed", "1", "--option", "trusted-public-keys", key)
    return lab.nix("store", "verify", *words, path).returncode == 0


@pytest.mark.nix
@needs_nix
def test_json_says_that_a_system_is_signed(lab: NixLab) -> None:
    make_key(lab)
    pyhomelab("gen", lab.root / "hosts")
    done = lab.build("--host", "dl1", "--json")
    assert json.loads(done.stdout)["hosts"]["dl1"]["signed"] is True


@pytest.mark.nix
@needs_nix
def test_a_machine_that_takes_only_signed_paths_takes_the_system(lab: NixLab, tmp_path: Path) -> None:
    key = make_key(lab)
    pyhomelab("gen", lab.root / "hosts")
    signed = lab.build("--host", "dl1").stdout.strip()
    signing_key_file(lab.root / ".pyhomelab").unlink()
    unsigned = lab.build("--host", "dl2").stdout.strip()
    target = f"local?store={tmp_path}/nix/store&state={tmp_path}/target/var&log={tmp_path}/target/log&real={tmp_path}/target/store"
    assert copied(lab, key, target, signed) == ""
    assert "lacks a signature by a trusted key" in copied(lab, key, target, unsigned)


def copied(lab: NixLab, key: str, target: str, path: str) -> str:
    """Why Nix would not copy a path to another store that trusts the key; nothing if it did."""
    done = lab.nix("copy", "--to", target, "--option", "trusted-public-keys", key, path)
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.nix
@needs_nix
def test_a_lab_without_the_key_is_built_all_the_same_and_it_is_said(lab: NixLab) -> None:
    done = lab.build("--host", "dl1")
    assert done.returncode == 0
    assert done.stderr.startswith(
        f"nothing is signed: there is no {lab.root}/.pyhomelab/signing.key; "
        f"`pyhomelab init --only-signing-key {lab.root}` makes it\n"
    )


@pytest.mark.nix
@needs_nix
def test_a_key_that_nix_cannot_use_is_a_failure_of_the_machine(lab: NixLab) -> None:
    (lab.root / ".pyhomelab").mkdir()
    signing_key_file(lab.root / ".pyhomelab").write_text("no key\n")
    done = lab.build("--host", "dl1")
    assert (done.returncode, done.stdout) == (4, "")
    assert "dl1:   it was built, but not signed\n" in done.stderr
    assert "dl1:   error: key is corrupt\n" in done.stderr


def test_keys_are_read_in_their_order_without_comments(tmp_path: Path) -> None:
    (tmp_path / "signing.pub").write_text(f"# the laptop\n{TWO}\n\n{ONE}\n{TWO}\n")
    assert trusted_keys(tmp_path) == (TWO, ONE)


def test_a_lab_without_the_file_trusts_no_other_key(tmp_path: Path) -> None:
    assert trusted_keys(tmp_path) == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("home-1:short=", "has a line that is no public key of Nix; write name:base64, one a line"),
        (f"{ONE}\nhome-1:{'B' * 43}=", "has two keys called home-1; remove the one that is no longer used"),
    ],
)
def test_a_file_with_something_else_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "signing.pub").write_text(text)
    with pytest.raises(Refused) as caught:
        trusted_keys(tmp_path)
    assert str(caught.value) == f"{tmp_path}/signing.pub: {reason}"


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("nix") is None:
        pytest.skip("nix is not on PATH")
    for name, value in own_store(tmp_path / "nix").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused) as caught:
        make_signing_key("home", tmp_path / "file" / "own", tmp_path)
    assert str(caught.value) == f"{tmp_path}/file/own: cannot be written: not a directory"
