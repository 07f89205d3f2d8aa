"""The image that bare machines are started from: an output of a lab's flake that lets the lab's admins in."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from pyhomelab.cli.main import program
from pyhomelab.files.scaffold import Admin, create, lab_files
from tests.flakes import needs_nix, nix, stand_ins, value
from tests.modules.harness import evaluate, failed_assertions, needs_nixpkgs_lib, values_set
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c mika@home"
MACHINE = ROOT / "nix/installer/machine.nix"
MODULE = f'{{ imports = [ {MACHINE} ]; homelab.installer.keys = [ "{KEY}" ]; }}'


class Lab:
    """A lab as `init` and `gen` make it, with stand-ins for what its flake takes from elsewhere."""

    def __init__(self, place: Path) -> None:
        self.path = place / "lab"
        create(self.path, lab_files("home", Admin("mika", KEY)))
        assert CliRunner().invoke(program, ["gen", str(self.path / "hosts")]).exit_code == 0
        (place / "inputs").mkdir()
        self.overrides = stand_ins(place / "inputs")

    def image(self, name: str, apply: str, system: str = "x86_64-linux") -> object:
        """What `apply` makes of an image."""
        return value(f"path:{self.path}#packages.{system}.installer-{name}", *self.overrides, "--apply", apply)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.mark.nix
@needs_nix
@pytest.mark.parametrize("system", ["x86_64-linux", "aarch64-linux"])
def test_a_lab_has_an_installer_for_usb_sticks_and_one_for_pxe(lab: Lab, system: str) -> None:
    assert lab.image("iso", "image: image.name", system) == "isoImage-of-installation-cd-minimal.nix"
    assert lab.image("netboot", "image: map (part: part.name) image.paths", system) == [
        "netbootRamdisk-of-netboot-minimal.nix",
        "kernel-of-netboot-minimal.nix",
        "netbootIpxeScript-of-netboot-minimal.nix",
    ]


@pytest.mark.nix
@needs_nix
def test_the_whole_flake_of_a_lab_is_as_nix_wants_it(lab: Lab) -> None:
    nix("flake", "check", "--no-build", "--all-systems", *lab.overrides, f"path:{lab.path}")


def asked(lab: Lab, question: str) -> None:
    """Have the stand-in for nixpkgs put a question to the modules of an image."""
    stub = lab.path.parent / "inputs/nixpkgs/flake.nix"
    text = stub.read_text()
    assert 'fake "${part}-of-' in text
    stub.write_text(text.replace('fake "${part}-of-', f'{question} fake "${{part}}-of-', 1))


@pytest.mark.nix
@needs_nix
def test_the_installer_knows_the_admins_of_the_generated_lab(lab: Lab) -> None:
    asked(lab, "throw (builtins.toJSON (lib.last modules).homelab.installer.keys) ")
    with pytest.raises(AssertionError, match=KEY):
        lab.image("iso", "image: image.name")


@pytest.mark.nix
@needs_nix
def test_before_gen_the_installer_says_what_it_lacks(lab: Lab) -> None:
    shutil.rmtree(lab.path / "hosts/host1")
    (lab.path / "hosts/lab.nix").unlink()
    asked(lab, "builtins.seq (lib.last modules).homelab.installer.keys ")
    with pytest.raises(AssertionError, match="which says who may log in to the installer; `pyhomelab gen` writes it"):
        lab.image("iso", "image: image.name")


@needs_nixpkgs_lib
def test_what_the_installer_sets_is_what_nixos_has() -> None:
    assert values_set(MODULE, lab=None) == [
        "boot.kernelParams",
        "boot.supportedFilesystems",
        "environment.loginShellInit",
        "homelab.installer.keys",
        "nix.settings",
        "services.openssh.settings",
        "users.users",
    ]


@needs_nixpkgs_lib
def test_admins_log_in_as_root_by_key_and_nobody_by_password() -> None:
    ssh = evaluate(
        MODULE,
        "{ inherit (config.services.openssh.settings) PasswordAuthentication KbdInteractiveAuthentication PermitRootLogin;"
        " keys = config.users.users.root.openssh.authorizedKeys.keys; }",
        lab=None,
    )
    assert ssh == {
        "KbdInteractiveAuthentication": False,
        "PasswordAuthentication": False,
        "PermitRootLogin": "prohibit-password",
        "keys": [KEY],
    }


@needs_nixpkgs_lib
def test_an_installer_that_nobody_could_log_in_to_is_refused() -> None:
    assert failed_assertions(f"{{ imports = [ {MACHINE} ]; homelab.installer.keys = [ ]; }}", lab=None) == [
        "homelab.installer: keys is empty, so nobody could log in to the installer; name one in homelab.installer.keys"
    ]
