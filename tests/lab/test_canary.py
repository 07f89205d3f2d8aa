"""A secret of a lab that is deployed to real hosts is in no journal, log, list of processes or store path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.canary import CANARY, Watcher, files_with, pattern
from tests.lab.needs import missing_for_systems
from tests.lab.systems import NIX_CONFIG
from tests.lab.told import Admin
from tests.modules.sources import ROOT
from tests.secret_keys import needs_sops, opened, path_with_sops

if TYPE_CHECKING:
    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
    needs_sops,
]

_CARRIED = (
    """{ config, ... }: { environment.etc."backup".source = config.homelab.secrets.directory + "/backup.yaml"; }"""
)
"""The encrypted file reaches the host in its system, as it does for sops-nix."""


@pytest.fixture
def admin(installed_hosts: dict[str, LabHost], lab_directory: Path, tmp_path: Path) -> Admin:
    return Admin(lab_directory, tmp_path / "home", installed_hosts)


def run(admin: Admin, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run pyhomelab as a process of its own, with the admin's SSH key for sops and for the hosts."""
    return subprocess.run(
        [sys.executable, "-m", "pyhomelab", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=admin.directory,
        env={
            **{name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"},
            "PATH": path_with_sops(),
            "HOME": str(admin.home),
            "PYTHONPATH": str(ROOT),
            "NIX_CONFIG": NIX_CONFIG,
            "SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(admin.hosts["n1"].key),
        },
        timeout=400,
        check=False,
    )


def test_a_secret_that_is_made_deployed_and_rekeyed_is_nowhere_in_the_open(
    admin: Admin, first_systems: dict[str, str], tmp_path: Path
) -> None:
    inventory = admin.directory / "hosts/inventory.yaml"
    data = json.loads(inventory.read_text())
    inventory.write_text(json.dumps({**data, "secrets": {"backup": {"machines": ["n1", "n2"]}}}))
    for name in ("n1", "n2"):
        (admin.directory / "hosts" / name / "extra.nix").write_text(_CARRIED)
    watcher = Watcher()

    with watcher.watching():
        done = [run(admin, "secret", "set", "backup", stdin=CANARY)]
        done += [run(admin, *words.split()) for words in ("gen", "check", "plan", "deploy --yes", "verify", "status")]
        inventory.write_text(json.dumps({**data, "secrets": {"backup": {"machines": ["n1"]}}}))
        (admin.directory / "hosts/n2/extra.nix").write_text("{ }")
        done += [run(admin, *words.split()) for words in ("gen", "plan", "secret rekey", "deploy --yes")]

    outcomes = [(" ".join(one.args[3:]), one.returncode, one.stdout + one.stderr) for one in done]
    assert [outcome for outcome in outcomes if outcome[1] != 0] == []
    due = "secrets: n2 can read backup without need; `pyhomelab secret rekey` keeps later values from them"
    assert [due in said for _, _, said in outcomes[-4:]] == [True, True, False, False]

    n1 = admin.hosts["n1"]
    carried = tmp_path / "backup.yaml"
    carried.write_text(n1.said("cat /run/current-system/etc/backup"))
    assert opened(carried, host=_host_key(n1, tmp_path)) == CANARY  # as sops-nix does on the host
    assert not [said for _, _, said in outcomes if pattern().search(said.encode())]
    assert watcher.found == set()
    assert {"sops", "ssh"} <= watcher.programs
    assert (admin.directory / ".pyhomelab/journal.sqlite").stat().st_size > 0
    assert files_with([tmp_path, *_closures(admin, first_systems)]) == []
    assert [host.name for host in admin.hosts.values() if files_with([host.disk / place for place in _WRITTEN])] == []


_WRITTEN = ("etc", "root", "home", "tmp", "run", "var/lib", "var/log", "nix")
"""Where a host keeps what it was given and what it logs."""


def _host_key(host: LabHost, directory: Path) -> Path:
    key = directory / "host-key"
    shutil.copy(host.disk / "etc/ssh/ssh_host_ed25519_key", key)
    shutil.copy(host.disk / "etc/ssh/ssh_host_ed25519_key.pub", key.with_suffix(".pub"))
    return key


def _closures(admin: Admin, names: dict[str, str]) -> list[Path]:
    """All store paths of the systems that were built, and what they were built from."""
    roots = [path.resolve() for path in (admin.directory / ".pyhomelab/gcroots").rglob("*") if path.is_symlink()]
    assert len(roots) >= len(names)
    said = subprocess.check_output(["nix-store", "--query", "--requisites", *map(str, roots)], text=True)
    return [Path(line) for line in said.split()]
