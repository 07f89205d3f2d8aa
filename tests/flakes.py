"""Real Nix over this repository's flake; its inputs are too big to fetch for a test, so others stand in."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.sources import ROOT, nixpkgs_lib

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = ("disko", "nixpkgs", "sops-nix")

needs_nix = pytest.mark.skipif(shutil.which("nix") is None, reason="nix is not on PATH")


def nix(*arguments: str) -> str:
    """What `nix`, with flakes on, prints; a failure shows what it said."""
    done = subprocess.run(
        ["nix", "--extra-experimental-features", "nix-command flakes", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def stand_ins(directory: Path) -> list[str]:
    """Put the stand-ins for all inputs into `directory`; gives the arguments that make Nix take them."""
    lib = nixpkgs_lib()
    if lib is None:
        pytest.skip("nixpkgs' lib is not at hand, and a stand-in for nixpkgs holds the real one")
    shutil.copytree(ROOT / "tests/flake", directory, dirs_exist_ok=True)
    shutil.copytree(lib, directory / "nixpkgs/lib")
    return [word for name in INPUTS for word in ("--override-input", name, f"path:{directory / name}")]


def copy_of_the_repository(directory: Path) -> Path:
    """The files that the flake reads, in a place of their own, with a lab of two machines."""
    for name in ("nix", "pyhomelab"):
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "flake.lock", "flake.nix", "pyproject.toml"):
        shutil.copy(ROOT / name, directory)
    for machine in ("nas", "router", "examples/one/pi", "secrets"):
        write_machine(directory, machine)
    (directory / "hosts/notes").mkdir()
    return directory


def write_machine(repository: Path, name: str, text: str = "{ }\n") -> None:
    """Give the lab of `repository` one more machine."""
    (repository / "hosts" / name).mkdir(parents=True)
    (repository / "hosts" / name / "default.nix").write_text(text)


def value(reference: str, *arguments: str) -> Any:
    """What a flake's attribute evaluates to, as JSON."""
    return json.loads(nix("eval", "--json", reference, *arguments))
