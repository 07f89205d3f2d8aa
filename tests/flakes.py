"""Real Nix over this repository's flake; its inputs are too big to fetch for a test, so others stand in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
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


def nixpkgs_lib() -> Path:
    """The directory of nixpkgs' lib; skips the test where there is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pyhomelab/nixpkgs-lib"
    place = Path(os.environ.get("PYHOMELAB_NIXPKGS_LIB") or cache)
    for directory in (place, place / "lib"):
        if (directory / "modules.nix").is_file():
            return directory
    pytest.skip(f"nixpkgs' lib is neither at $PYHOMELAB_NIXPKGS_LIB nor at {cache}")


def stand_ins(directory: Path) -> list[str]:
    """Put the stand-ins for all inputs into `directory`; gives the arguments that make Nix take them."""
    lib = nixpkgs_lib()
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
