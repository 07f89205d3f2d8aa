"""Copying a system to a real host: how far it is, and why it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyhomelab.inventory.load import load
from pyhomelab.machines.targets import targets
from pyhomelab.nix.transfer import NotCopied, copy_to
from pyhomelab.process import Children
from pyhomelab.telling.events import Advanced
from tests.lab.needs import missing_for_systems
from tests.lab.systems import NIX_CONFIG, build_with, nix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyhomelab.telling.events import Event, Tell
    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

ZEROS = (
    'environment.etc.zeros.source = derivation { name = "zeros"; system = builtins.currentSystem or "x86_64-linux"; '
)
ZEROS += 'builder = "/bin/sh"; args = [ "-c" "export PATH=/usr/bin:/bin; head -c 30000000 /dev/zero > $out" ]; };'


@pytest.fixture(autouse=True)
def _somebody_with_a_key(installed_hosts: dict[str, LabHost], tmp_path: Path) -> Iterator[None]:
    """Let whoever copies have a key for the hosts."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/config").write_text(f"Host *\n  IdentityFile {installed_hosts['n1'].key}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("NIX_CONFIG", NIX_CONFIG)
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        yield


def copied(lab: Path, system: str, tell: Tell) -> None:
    """Copy a system to n1 as a deploy does."""
    machines = targets(load(lab / "hosts"), lab / "hosts")
    with Children() as children:
        copy_to(machines["n1"], machines, system, children, tell)


def test_it_is_told_how_many_bytes_are_copied_until_all_are(
    installed_hosts: dict[str, LabHost], lab_directory: Path
) -> None:
    system = build_with(lab_directory, "n1", ZEROS)
    nix("store", "sign", "--recursive", "--key-file", str(lab_directory / ".pyhomelab/signing.key"), system)
    told: list[Event] = []
    copied(lab_directory, system, told.append)
    counts = [event for event in told if isinstance(event, Advanced)]
    assert {(count.host, count.doing, count.unit) for count in counts} == {("n1", "copying", "bytes")}
    assert counts[-1].done == counts[-1].expected > 30_000_000
    assert [count.done for count in counts] == sorted(count.done for count in counts)
    assert installed_hosts["n1"].said(f"stat -Lc %s {system}/etc/zeros") == "30000000"


def test_a_system_that_is_not_signed_is_refused_and_it_is_said_why(lab_directory: Path) -> None:
    system = build_with(lab_directory, "n1", 'environment.etc.unsigned.text = "x";')
    with pytest.raises(NotCopied) as refused:
        copied(lab_directory, system, lambda _: None)
    first, *others, last = str(refused.value).splitlines()
    assert first == "n1: its system could not be copied to it"
    assert last.startswith("error: cannot add path '/nix/store/"), others
    assert last.endswith("' because it lacks a signature by a trusted key")
