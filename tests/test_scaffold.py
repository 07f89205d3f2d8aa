"""A new lab: self-contained, accepted by `gen` as it is, and never written over what is there."""

from __future__ import annotations

import filecmp
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyhomelab.cli.main import program
from pyhomelab.errors import Refused
from pyhomelab.files.scaffold import Admin, admin_from, create, lab_files, name_from
from pyhomelab.inventory.load import load

ROOT = Path(__file__).parent.parent
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c mika@home"
needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not on PATH (openssh-client)"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's home directory, without an SSH key."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USER", "mika")
    monkeypatch.delenv("SUDO_USER", raising=False)
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    return tmp_path / "home"


def test_a_new_lab_holds_all_that_it_needs(tmp_path: Path) -> None:
    create(tmp_path, lab_files("home", Admin("mika", KEY)))
    here = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {"flake.nix", "flake.lock", ".gitignore", "README.md", "nix/lab.nix", "hosts/inventory.yaml"} <= here
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "nix" / "modules").rglob("*") if path.is_file()}
    assert modules <= here
    assert filecmp.cmp(ROOT / "flake.lock", tmp_path / "flake.lock", shallow=False)


def test_gen_accepts_a_new_lab_as_it_is(tmp_path: Path) -> None:
    create(tmp_path, lab_files("home", Admin("mika", KEY)))
    inventory = load(tmp_path / "hosts")
    assert inventory.lab.name == "home"
    assert inventory.lab.admins[0].ssh_keys == (KEY,)
    result = CliRunner().invoke(program, ["gen", str(tmp_path / "hosts")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "hosts" / "host1" / "default.nix").exists()


def test_init_says_what_comes_next(home: Path, tmp_path: Path) -> None:
    (home / ".ssh" / "id_ed25519.pub").write_text(KEY + "\n")
    result = CliRunner().invoke(program, ["init", str(tmp_path / "My Lab")])
    assert result.exit_code == 0, result.output
    assert f"{tmp_path}/My Lab: the lab my-lab with mika as its admin" in result.output
    assert f"Next: edit {tmp_path}/My Lab/hosts/inventory.yaml" in result.output


def test_what_is_there_already_is_kept_and_a_second_run_adds_what_is_missing(tmp_path: Path) -> None:
    files = lab_files("home", Admin("mika", KEY))
    create(tmp_path, files)
    (tmp_path / "nix" / "lab.nix").unlink()
    assert create(tmp_path, files) == ["nix/lab.nix"]


def test_a_file_that_differs_is_never_overwritten_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "flake.nix").write_text("{ }\n")
    with pytest.raises(Refused) as caught:
        create(tmp_path, lab_files("home", Admin("mika", KEY)))
    assert str(caught.value) == f"{tmp_path}/flake.nix: is there already, and differs; give a new directory"
    assert [path.name for path in tmp_path.iterdir()] == ["flake.nix"]


def test_a_directory_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused) as caught:
        create(tmp_path / "file" / "lab", {"a": b""})
    assert "cannot be written: not a directory" in str(caught.value)


@pytest.mark.parametrize(
    ("directory", "name"), [("lab", "lab"), ("My Lab!", "my-lab"), ("42", "home"), ("x" * 80, "x" * 63), ("é", "home")]
)
def test_a_lab_is_called_after_its_directory(tmp_path: Path, directory: str, name: str) -> None:
    assert name_from(tmp_path / directory) == name


@pytest.mark.usefixtures("home")
@needs_ssh_keygen
def test_who_has_no_key_gets_one_for_the_lab_that_git_does_not_see(tmp_path: Path) -> None:
    admin = admin_from(None, tmp_path / "lab")
    private = tmp_path / "lab" / ".pyhomelab" / "admin_ed25519"
    assert admin == Admin("mika", private.with_suffix(".pub").read_text().strip())
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert ".pyhomelab/" in (ROOT / "pyhomelab" / "skeleton" / ".gitignore").read_text()
    assert admin_from(None, tmp_path / "lab") == admin


@pytest.mark.usefixtures("home")
def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n")
    with pytest.raises(Refused) as caught:
        admin_from(tmp_path / "id", tmp_path)
    assert (
        str(caught.value)
        == f"{tmp_path}/id: is not an OpenSSH public key; give the .pub file of a key of type ed25519, ecdsa or rsa"
    )


@pytest.mark.usefixtures("home")
def test_a_key_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        admin_from(tmp_path / "id.pub", tmp_path)
    assert str(caught.value) == f"{tmp_path}/id.pub: there is no such file; give the .pub file of an SSH key"


@pytest.mark.parametrize(("user", "name"), [("root", "admin"), ("", "admin"), ("Ada.L", "adal"), ("9x", "admin")])
def test_the_first_admin_is_called_like_the_user(
    home: Path, monkeypatch: pytest.MonkeyPatch, user: str, name: str
) -> None:
    monkeypatch.setenv("USER", user)
    (home / ".ssh" / "id_rsa.pub").write_text("ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB x\n")
    assert admin_from(None, home).name == name


@pytest.mark.parametrize("comment", ["it: is #me", "\x1b[31mred", "'", "${x}", "", "mika laptop"])
@pytest.mark.usefixtures("home")
def test_the_comment_of_a_key_cannot_break_the_inventory(tmp_path: Path, comment: str) -> None:
    key = KEY.removesuffix(" mika@home")
    (tmp_path / "id.pub").write_text(f"{key} {comment}\n")
    create(tmp_path / "lab", lab_files("home", admin_from(tmp_path / "id.pub", tmp_path)))
    assert load(tmp_path / "lab" / "hosts").lab.admins[0].ssh_keys == (key,)


@needs_ssh_keygen
@pytest.mark.usefixtures("home")
def test_a_lab_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(program, ["init", str(tmp_path / "file" / "lab")])
    assert isinstance(result.exception, Refused)
    assert str(result.exception) == f"{tmp_path}/file/lab/.pyhomelab: cannot be written: not a directory"
