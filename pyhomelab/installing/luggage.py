"""The secrets that an installation takes along: one machine's own, in memory alone, and gone when it ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.process import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PREFIX = "pyhomelab-install-"
_LOCK = "lock"
_IN_MEMORY = {"tmpfs", "ramfs"}
_MOUNTS = Path("/proc/self/mountinfo")
HOST_KEY = Path("etc/ssh/ssh_host_ed25519_key")
"""Where a machine has its host key."""


@dataclass(frozen=True, slots=True)
class Luggage:
    """Where the secrets lie here: the files of the new system as a tree, and keys of pools by their names."""

    extra: Path
    keys: Mapping[str, Path]


@contextmanager
def luggage(machine: str, host_key: str, public: str, keys: Mapping[str, str]) -> Iterator[Luggage]:
    """Lay out a machine's private host key and the keys of its pools for as long as the block lasts.

    Raises Refused if there is no memory to keep them in, or if the host key is not the one of which `public` is a half.
    """
    with _memory() as place:
        extra = place / "extra"
        file = extra / HOST_KEY
        file.parent.mkdir(parents=True)
        for directory in (extra, extra / "etc", extra / "etc/ssh"):
            directory.chmod(0o755)  # what these are on the machine, too
        _write(file, host_key if host_key.endswith("\n") else f"{host_key}\n")
        half = _public_half(machine, file)
        if half != " ".join(public.split()[:2]):
            raise Refused(
                "its private host key does not belong to its public one, so no secret could be read there",
                where=machine,
                hint=f"`pyhomelab secret generate --force ssh-host-{machine}` makes both anew",
            )
        (file.parent / f"{file.name}.pub").write_text(f"{half}\n", encoding="ascii")
        places = {name: place / "keys" / name for name in keys}
        (place / "keys").mkdir()
        for name, value in keys.items():
            _write(places[name], value)
        yield Luggage(extra, places)


def _public_half(machine: str, file: Path) -> str:
    done = run(
        ["ssh-keygen", "-y", "-P", "", "-f", str(file)],
        doing=f"reading the private host key of {machine}",
        needs="install OpenSSH's client",
    )
    return " ".join(done.stdout.split()[:2])


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


@contextmanager
def _memory() -> Iterator[Path]:
    """Make a directory of one's own that no disk has; what killed runs have left of theirs is removed."""
    parent = memory_of(_candidates(), _MOUNTS.read_text(encoding="utf-8", errors="replace"))
    if parent is None:
        raise Refused(
            "there is no place in memory for the machine's private keys, and on a disk they would stay",
            hint="set XDG_RUNTIME_DIR to a directory of your own on a tmpfs",
        )
    _tidy(parent)
    place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))  # mode 0700
    descriptor = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(descriptor)


def _candidates() -> list[Path]:
    own = os.environ.get("XDG_RUNTIME_DIR")
    return [*([Path(own)] if own else []), Path("/dev/shm")]  # noqa: S108 - a directory of one's own is made in it


def memory_of(candidates: Sequence[Path], mounts: str) -> Path | None:
    """Find the first directory that can be written to and is in memory, by the text of /proc/self/mountinfo."""
    kinds = {}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kinds[Path(before.split(" ")[4])] = after.split(" ")[0]
    for place in candidates:
        if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
            real = place.resolve()
            mounted = next((kinds[above] for above in (real, *real.parents) if above in kinds), "")
            if mounted in _IN_MEMORY:
                return place
    return None


def _tidy(parent: Path) -> None:
    """Remove what killed runs of this user have left: nobody holds their locks any more."""
    for stray in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if stray.stat().st_uid != os.geteuid():
                continue
            descriptor = os.open(stray / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(stray, ignore_errors=True)
            finally:
                os.close(descriptor)
