"""What a fresh machine gets: the scripts of tools/, and the wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.flakes import needs_nix, nix, stand_ins
from tests.modules.sources import ROOT

TOOLS = ROOT / "tools"
SKELETON = "pyhomelab/skeleton/"


class Machine:
    """A machine with a home of its own and nothing on PATH but what it is given."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.bin = directory / "bin"
        self.home.mkdir()
        self.bin.mkdir()
        self.has("awk", "bash", "basename", "cat", "comm", "cut", "date", "dirname", "flock", "getent", "head")
        self.has("id", "mkdir", "mv", "rm", "sed", "sha256sum", "sort", "tail", "uname")

    def has(self, *programs: str) -> None:
        """Give it programs of this machine."""
        for program in programs:
            path = shutil.which(program)
            assert path is not None, program
            (self.bin / program).symlink_to(path)

    def has_stand_in(self, program: str, script: str) -> None:
        """Give it a program that is this script of sh."""
        (self.bin / program).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / program).chmod(0o755)

    def run(self, tool: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of our tools there, as CI would: no terminal, no input."""
        return subprocess.run(
            [TOOLS / tool, *arguments],
            env={"HOME": str(self.home), "PATH": str(self.bin), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _with_nix(machine: Machine, version: str) -> None:
    for program in ("nix", "nix-instantiate"):
        machine.has_stand_in(program, f"echo '{program} {version}'")


@pytest.mark.parametrize("version", ["(Nix) 2.18.0", "(Nix) 2.34.8", "(Lix, like Nix) 2.93.0"])
def test_a_nix_that_is_new_enough_is_taken_as_it_is(machine: Machine, version: str) -> None:
    _with_nix(machine, version)
    done = machine.run("get-nix")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{machine.bin}\n", "")


def test_an_older_nix_is_not_taken_and_the_way_out_is_said(machine: Machine) -> None:
    _with_nix(machine, "(Nix) 2.8.0")
    done = machine.run("get-nix")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: no Nix ≥ 2.18 on PATH and no apt to get one with; install it from https://nixos.org/download\n"
    )


@pytest.mark.nix
@pytest.mark.slow
def test_debian_gets_a_nix_from_its_own_archive(
    tmp_path: Path,
) -> None:
    if shutil.which("apt-get") is None:
        pytest.skip("apt-get is not on PATH: this is no Debian")
    machine = Machine(tmp_path)
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    if shutil.which("nix", path=path["PATH"]):
        pytest.skip("this machine has a Nix of its own, which would be taken")
    got = machine.run("get-nix", **path)
    if "could not get Nix" in got.stderr:
        pytest.skip("the Debian archive that apt names does not answer")
    assert got.returncode == 0, got.stderr
    assert got.stdout.startswith(f"{machine.home}/.cache/pyhomelab/nix/")

    again = machine.run("get-nix", **path)
    assert again.stdout == got.stdout
    assert "getting Nix" not in again.stderr

    store = tmp_path / "store"
    expression = 'derivation { name = "made"; system = "x86_64-linux"; builder = "/bin/sh"; }'
    written = subprocess.run(
        [f"{got.stdout.strip()}/nix-instantiate", "--store", store, "--expr", expression],
        env={**path, "HOME": str(machine.home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "made" in Path(f"{store}{written.stdout.strip()}").read_text()


def test_a_nixfmt_on_path_is_taken_as_it_is(machine: Machine) -> None:
    machine.has_stand_in("nixfmt", "exit 0")
    done = machine.run("get-nixfmt")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{machine.bin}\n", "")


def test_without_nixfmt_and_cargo_it_is_said_that_both_are_missing(machine: Machine) -> None:
    done = machine.run("get-nixfmt")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: no nixfmt on PATH, and no cargo to build its Rust port with\n"


def test_a_cargo_that_is_too_old_for_nixfmt_is_not_tried(machine: Machine) -> None:
    machine.has_stand_in("cargo", "echo cargo 1.63.0")
    done = machine.run("get-nixfmt")
    assert done.stderr == "error: no nixfmt on PATH, and cargo 1.63.0 is older than 1.87\n"


def test_cargo_builds_the_pinned_nixfmt_into_the_cache_once(machine: Machine) -> None:
    machine.has("chmod", "nice", "touch")
    machine.has_stand_in(
        "cargo",
        "case $1 in --version) echo cargo 1.95.0 ;; *)\n"
        'echo "$@" >>"$HOME/asked"; root=$(echo "$@" | sed "s/.*--root \\([^ ]*\\).*/\\1/")\n'
        'mkdir -p "$root/bin"; touch "$root/bin/nixfmt"; chmod 755 "$root/bin/nixfmt" ;; esac',
    )
    first, second = machine.run("get-nixfmt"), machine.run("get-nixfmt")
    home = f"{machine.home}/.cache/pyhomelab/nixfmt-0.5.3"
    assert (first.returncode, first.stdout) == (0, f"{home}/bin\n"), first.stderr
    assert second.stdout == first.stdout
    assert (machine.home / "asked").read_text() == (
        f"install --quiet --locked --version 0.5.3 --root {home} nixfmt_rs\n"
    )


def test_who_is_not_root_is_told_which_checkers_are_missing(machine: Machine) -> None:
    machine.has_stand_in("dpkg-query", "printf 'installed git\\ninstalled jq\\nconfig-files keepalived\\n'")
    done = machine.run("get-checkers", PYHOMELAB_APT="no")
    assert done.returncode == 0, done.stderr
    missing = done.stdout.split()
    assert {"drbd-utils", "keepalived", "libxml2-utils"} <= set(missing)
    assert {"git", "jq"}.isdisjoint(missing)


def test_packages_are_installed_once_with_services_kept_from_starting(machine: Machine) -> None:
    policy = machine.home / "policy-rc.d"
    machine.has("chmod", "touch")
    machine.has_stand_in(
        "dpkg-query", 'echo installed git; [ ! -e "$HOME/done" ] || printf "installed age\\ninstalled jq\\n"'
    )
    machine.has_stand_in(
        "apt-get", '"$HOME/policy-rc.d"; echo "policy says $?, asked for $*" >>"$HOME/asked"; touch "$HOME/done"'
    )
    script = f". {TOOLS}/common.sh; policy={policy}; apt_install age git jq; apt_install age git jq"
    machine.has_stand_in("systemctl", 'echo "$@" >>"$HOME/systemctl"')
    machine.has_stand_in("dpkg", 'printf \'/lib/systemd/system/%s.service\\n/usr/bin/%s\\n\' "$2" "$2"')
    subprocess.run(
        ["bash", "-c", script],
        env={"HOME": str(machine.home), "PATH": str(machine.bin)},
        check=True,
        capture_output=True,
    )
    assert (machine.home / "asked").read_text() == (
        "policy says 101, asked for install --yes --quiet=2 --no-install-recommends"
        " -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 age jq\n"
    )
    assert (machine.home / "systemctl").read_text() == "--quiet --no-reload disable age.service\n"
    assert not policy.exists()


def test_the_inputs_of_the_flake_are_fetched_where_the_network_gives_them(machine: Machine) -> None:
    machine.has_stand_in("curl", "exit 0")
    machine.has_stand_in("nix", f"printf {machine.home}")
    done = machine.run("get-inputs", PYHOMELAB_DISKO="/elsewhere")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"PYHOMELAB_NIXPKGS_LIB={machine.home}\nPYHOMELAB_SOPS_NIX={machine.home}\n"


def test_without_network_each_input_that_cannot_be_had_is_named(machine: Machine) -> None:
    machine.has_stand_in("curl", "exit 6")
    (machine.home / ".cache/pyhomelab/disko").mkdir(parents=True)
    done = machine.run("get-inputs")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "cannot fetch nixpkgs: github.com does not answer\ncannot fetch sops-nix: github.com does not answer\n"
    )


@pytest.mark.nix
@needs_nix
def test_an_input_is_fetched_as_the_lock_file_pins_it(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    (tmp_path / "input/who").write_text("disko\n")
    found = nix("hash", "path", str(tmp_path / "input")).strip()
    locked = f'{{ "type": "path", "path": "{tmp_path}/input", "narHash": "{found}" }}'
    (tmp_path / "flake.lock").write_text(f'{{ "nodes": {{ "disko": {{ "locked": {locked} }} }} }}')
    machine.has("nix")
    machine.has_stand_in("curl", "exit 0")
    features = "experimental-features = nix-command flakes"
    there = {"PYHOMELAB_NIXPKGS_LIB": "/a", "PYHOMELAB_SOPS_NIX": "/b", "NIX_CONFIG": features}
    done = machine.run("get-inputs", str(tmp_path / "flake.lock"), **there)
    assert done.returncode == 0, done.stderr
    variable, _, path = done.stdout.strip().partition("=")
    assert variable == "PYHOMELAB_DISKO"
    assert (Path(path) / "who").read_text() == "disko\n"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel, built by the tool that pyproject.toml names."""
    pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = directory.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory / "content")
    return directory / "content"


def _files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_carries_what_a_new_lab_is_made_of(unpacked: Path) -> None:
    carried = _files(unpacked / SKELETON)
    expected = _files(ROOT / SKELETON) | {
        "flake.lock": (ROOT / "flake.lock").read_bytes(),
        "nix/lab.nix": (ROOT / "nix/lab.nix").read_bytes(),
    }
    for part in ("nix/installer", "nix/modules"):
        expected |= {f"{part}/{path}": text for path, text in _files(ROOT / part).items()}
    assert sorted(carried) == sorted(expected)
    assert carried == expected


def test_the_wheel_carries_the_whole_program(unpacked: Path) -> None:
    carried = {path for path in _files(unpacked / "pyhomelab") if not path.startswith("skeleton/")}
    assert carried == {path for path in _files(ROOT / "pyhomelab") if not path.startswith("skeleton/")}


def _lab_made_by(program: Path, directory: Path) -> Path:
    (directory / "key.pub").write_text(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c\n"
    )
    # Without Nix no key is made to sign with, and that is never the same twice.
    environment = os.environ | {"PYTHONPATH": str(program), "PATH": str(directory)}
    command = [sys.executable, "-m", "pyhomelab", "init", "lab", "--ssh-key", "key.pub"]
    subprocess.run(command, cwd=directory, env=environment, check=True)
    subprocess.run([sys.executable, "-m", "pyhomelab", "gen"], cwd=directory / "lab", env=environment, check=True)
    return directory / "lab"


def test_an_installed_pyhomelab_makes_the_same_lab_as_a_source_tree(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "wheel").mkdir()
    (tmp_path / "source").mkdir()
    assert _files(_lab_made_by(unpacked, tmp_path / "wheel")) == _files(_lab_made_by(ROOT, tmp_path / "source"))


@pytest.mark.nix
@needs_nix
def test_a_new_lab_is_a_flake_of_its_machines_without_pyhomelab(unpacked: Path, tmp_path: Path) -> None:
    lab = _lab_made_by(unpacked, tmp_path)
    overrides = stand_ins(tmp_path / "inputs")
    nix("flake", "check", "--no-build", "--all-systems", *overrides, f"path:{lab}")
    machines = nix(
        "eval",
        "--raw",
        f"path:{lab}#nixosConfigurations",
        *overrides,
        "--apply",
        "all: toString (builtins.attrNames all)",
    )
    assert machines.split() == sorted(path.parent.name for path in lab.glob("hosts/*/default.nix"))
    assert "pyhomelab" not in nix("flake", "metadata", "--json", f"path:{lab}").split('"locks"')[1]
