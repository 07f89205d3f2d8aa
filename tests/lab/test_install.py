"""`pyhomelab install` on real hosts: everything but the disks and nixos-anywhere is real."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.lab.needs import missing_for_systems
from tests.lab.newcomers import DEBIAN, GIB, INSTALLER, Newcomer, disk
from tests.lab.told import Admin
from tests.secret_keys import needs_sops

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    needs_sops,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]


@pytest.fixture
def newcomer(fresh_hosts: dict[str, LabHost], lab_directory: Path, tmp_path: Path) -> Newcomer:
    newcomer = Newcomer(Admin(lab_directory, tmp_path / "home", fresh_hosts), tmp_path / "record")
    newcomer.becomes_bare()
    return newcomer


def test_a_bare_machine_becomes_a_machine_of_the_lab(newcomer: Newcomer) -> None:
    told = newcomer.installs()
    assert (told.code, told.out) == (0, ["n1: installed"]), told.err
    assert newcomer.phases == ["disko", "install", "reboot"]
