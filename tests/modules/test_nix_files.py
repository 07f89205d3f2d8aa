"""Every Nix file of the repository parses and is formatted."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.modules.sources import ROOT


def _nix_files() -> list[str]:
    if shutil.which("git") is None:
        pytest.skip("git is not on PATH: it lists the Nix files of the lab")
    listed = subprocess.run(["git", "ls-files", "*.nix"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


@pytest.mark.skipif(shutil.which("nix-instantiate") is None, reason="nix-instantiate is not on PATH")
def test_every_nix_file_parses() -> None:
    parsed = subprocess.run(
        ["nix-instantiate", "--parse", *_nix_files()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert parsed.returncode == 0, parsed.stderr


@pytest.mark.skipif(shutil.which("nixfmt") is None, reason="nixfmt is not on PATH")
def test_every_nix_file_is_formatted() -> None:
    formatted = subprocess.run(
        ["nixfmt", "--check", *_nix_files()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert formatted.returncode == 0, formatted.stdout + formatted.stderr
