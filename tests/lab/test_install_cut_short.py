"""`pyhomelab install` at a terminal, killed, on a machine that moves, and with a pool that is encrypted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.lab.needs import missing_for_systems
from tests.lab.newcomers import DEBIAN, Newcomer, disk
from tests.secret_keys import needs_sops
from tests.terminal import on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    needs_sops,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

INSTALL = [sys.executable, "-m", "pyhomelab", "install", "n1", "--boot-limit", "60s", "--inventory"]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A place in memory that nobody else has."""
    place = tmp_path / "memory"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def test_somebody_at_a_terminal_vouches_for_the_key_and_types_the_name(newcomer: Newcomer) -> None:
    argv = [*INSTALL, str(newcomer.admin.directory / "hosts")]
    with on_terminal(argv, newcomer.environment(), size=(50, 200)) as terminal:
        terminal.wait("Go on with it? [y/N]:")
        assert newcomer.fingerprint in terminal.screen.text
        terminal.type("y\n")
        terminal.wait("Type the machine's name to erase it:", 60)
        terminal.type("n2\n")
        assert terminal.end(60) == 3
        assert terminal.screen.lines[-2] == "n1: nothing was changed; n1 was not typed"
    assert newcomer.calls == []
    with on_terminal(argv, newcomer.environment(), size=(50, 200)) as terminal:
        terminal.wait("Go on with it? [y/N]:")
        terminal.type("y\n")
        terminal.wait("All that is on 1 disk will be gone. Type the machine's name to erase it:", 60)
        terminal.type("n1\n")
        assert terminal.end(120) == 0, terminal.screen.text
        assert terminal.screen.lines[-2] == "n1: installed"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_an_installation_that_is_killed_leaves_no_key_behind_and_is_gone_on_with(
    newcomer: Newcomer, memory: Path, number: signal.Signals
) -> None:
    words = ["--yes-erase", "n1", "--host-key", newcomer.fingerprint]
    with subprocess.Popen(
        [*INSTALL, str(newcomer.admin.directory / "hosts"), *words],
        env=newcomer.environment(ANYWHERE_HANGS="install", XDG_RUNTIME_DIR=str(memory)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        until = time.monotonic() + 120
        while "install" not in newcomer.phases:
            assert time.monotonic() < until
            assert running.poll() is None
            time.sleep(0.1)
        assert len(list(memory.iterdir())) == 1
        running.send_signal(number)
        running.wait(60)
    assert len(list(memory.iterdir())) == (1 if number == signal.SIGKILL else 0)
    told = newcomer.installs("--resume", XDG_RUNTIME_DIR=str(memory))
    assert (told.code, told.out) == (0, ["n1: installed"]), told.err
    assert newcomer.phases == ["disko", "install", "install", "reboot"]
    assert list(memory.iterdir()) == []


def test_a_machine_that_has_its_own_address_after_kexec_is_found_there(newcomer: Newcomer) -> None:
    newcomer.runs(DEBIAN)
    other = f"{newcomer.host.address.rpartition('.')[0]}.99"
    newcomer.host.run(f"ip address add {other}/24 dev eth0")
    told = newcomer.installs("--kexec", "--address", f"root@{other}", ANYWHERE_MOVES=f"{other}/24")
    assert (told.code, told.out) == (0, ["n1: installed"]), told.err
    assert newcomer.phases == ["kexec", "disko", "install", "reboot"]


def test_the_key_of_an_encrypted_pool_is_there_when_its_disks_are_laid_out(newcomer: Newcomer) -> None:
    data = "/dev/disk/by-id/nvme-data"
    newcomer.wants({"memory": "2GiB", "zfs": {"tank": {"layout": "stripe", "disks": [data], "encrypted": "true"}}})
    newcomer.has(disk(), disk("nvme1n1", serial="S4GFNX0M2"), by_id={"nvme-n1": "nvme0n1", "nvme-data": "nvme1n1"})
    assert newcomer.tells("secret", "generate", "zfs-n1-tank").code == 0
    told = newcomer.installs()
    assert told.out[0].startswith("n1: installed"), told.err
    assert [[word.strip() for word in line.split("   ")[:2]] for line in told.err if "/dev/disk/by-id" in line] == [
        ["/dev/disk/by-id/nvme-n1 (nvme0n1)", "system disk"],
        [f"{data} (nvme1n1)", "pool tank"],
    ]
    erasing, installing, restarting = newcomer.calls
    assert erasing.after("--disk-encryption-keys") == "/run/secrets/zfs-n1-tank"
    assert [line.split()[0] for line in erasing.lines("keys")] == ["600"]
    for call in (installing, restarting):
        assert "--disk-encryption-keys" not in call.arguments
    secret = newcomer.admin.directory / "hosts/secrets/zfs-n1-tank.yaml"
    argv = ["sops", "decrypt", "--extract", '["value"]', str(secret)]
    value = subprocess.run(argv, capture_output=True, text=True, check=True, env=newcomer.environment()).stdout
    assert int(erasing.lines("keys")[0].split()[1]) == len(value)
    assert not any(value in word for call in newcomer.calls for word in call.arguments)
