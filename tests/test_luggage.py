"""The secrets that an installation takes along: in memory alone, for one machine, and gone when it ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyhomelab.errors import Refused
from pyhomelab.installing.luggage import luggage, memory_of
from tests.modules.sources import ROOT
from tests.secret_keys import make_key, public

MEMORY = Path("/dev/shm")  # noqa: S108 - looked into
needs_memory = pytest.mark.skipif(not os.access(MEMORY, os.W_OK), reason="there is no memory to write to")
KEYS = {"0": "0123456789abcdef"}


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    return make_key(tmp_path / "key")


def left() -> set[Path]:
    """What installations have left behind."""
    return set(MEMORY.glob("pyhomelab-install-*"))


def mode(file: Path) -> str:
    """The permissions of a file."""
    return f"{stat.S_IMODE(file.stat().st_mode):o}"


@needs_memory
def test_the_files_lie_in_memory_for_their_owner_alone_and_are_gone_after_that(key: Path) -> None:
    before = left()
    with luggage("dl1", key.read_text(), public(key), KEYS) as carried:
        place = carried.extra.parent
        assert place.parent == MEMORY
        assert mode(place) == "700"
        private = carried.extra / "etc/ssh/ssh_host_ed25519_key"
        assert (mode(private), private.read_text()) == ("600", key.read_text())
        assert private.with_name("ssh_host_ed25519_key.pub").read_text() == f"{' '.join(public(key).split()[:2])}\n"
        assert [mode(carried.extra / one) for one in (".", "etc", "etc/ssh")] == ["755"] * 3
        assert (mode(carried.keys["0"]), carried.keys["0"].read_text()) == ("600", "0123456789abcdef")
    assert left() == before


@needs_memory
def test_they_are_gone_after_a_failure_too(key: Path) -> None:
    before = left()
    with pytest.raises(ZeroDivisionError), luggage("dl1", key.read_text(), public(key), KEYS):
        raise ZeroDivisionError
    assert left() == before


@needs_memory
def test_a_private_key_that_is_of_another_pair_is_refused(key: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    with pytest.raises(Refused) as refused, luggage("dl1", key.read_text(), public(other), {}):
        pytest.fail("it was packed")
    assert str(refused.value) == (
        "dl1: its private host key does not belong to its public one, so no secret could be read there; "
        "`pyhomelab secret generate --force ssh-host-dl1` makes both anew"
    )


SLEEPER = """
import sys
from pathlib import Path
from time import sleep
from pyhomelab.installing.luggage import luggage

key = Path(sys.argv[1])
with luggage("dl1", key.read_text(), key.with_suffix(".pub").read_text(), {}) as carried:
    print(carried.extra.parent, flush=True)
    sleep(60)
"""


@needs_memory
def test_what_a_killed_run_left_is_removed_by_the_next_and_what_another_uses_is_not(key: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-c", SLEEPER, str(key)]
    killed, busy = (subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2))
    try:
        places = [Path(one.stdout.readline().strip()) for one in (killed, busy) if one.stdout is not None]
        assert all(place.is_dir() for place in places)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        with luggage("dl1", key.read_text(), public(key), {}):
            assert [place.exists() for place in places] == [False, True]
    finally:
        for one in (killed, busy):
            one.kill()
            one.wait()
            if one.stdout is not None:
                one.stdout.close()
    with luggage("dl1", key.read_text(), public(key), {}):
        time.sleep(0)
    assert not places[1].exists()


MOUNTS = """\
22 1 0:20 / / rw - ext4 /dev/sda1 rw
23 22 0:21 / /run rw - tmpfs tmpfs rw
24 23 0:22 / {place}/memory rw - tmpfs tmpfs rw
25 23 0:23 / {place}/disk rw - ext4 /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        (["memory"], "memory"),
        (["memory/below"], "memory/below"),
        (["disk", "memory"], "memory"),
        (["disk"], None),
        (["nowhere"], None),
        ([], None),
    ],
)
def test_only_a_directory_in_memory_will_do(tmp_path: Path, candidates: list[str], chosen: str | None) -> None:
    for name in ("memory/below", "disk"):
        (tmp_path / name).mkdir(parents=True)
    found = memory_of([tmp_path / name for name in candidates], MOUNTS.format(place=tmp_path))
    assert found == (tmp_path / chosen if chosen else None)
