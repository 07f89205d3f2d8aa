"""Numbers for labs, so that several can be up at once; and the removal of what a killed test run left behind."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = Path("/run/pyhomelab-lab")
_SLOTS = 200
_MOUNTS = Path("/proc/self/mountinfo")
_PATIENCE = 10.0


@contextmanager
def slot() -> Iterator[int]:
    """A number that no other lab has until the end; labs whose test run was killed are removed first."""
    RUN.mkdir(parents=True, exist_ok=True)
    mine: tuple[int, IO[str]] | None = None
    for number in range(_SLOTS):
        lock = RUN / f"{number}.lock"
        if mine is not None and not lock.exists():
            continue
        held = lock.open("w")
        if not _taken(held):
            held.close()
            continue
        remove(number)
        if mine is None:
            mine = number, held
        else:
            held.close()
    if mine is None:
        raise RuntimeError(f"{_SLOTS} labs are up already")
    try:
        yield mine[0]
    finally:
        remove(mine[0])
        mine[1].close()


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove(number: int) -> None:
    """Whatever the lab of this number consists of is gone: processes, networks, mounts, files."""
    kill(cgroup(number))
    link = name(number)
    if Path(f"/sys/class/net/{link}").exists():
        subprocess.run(["ip", "link", "delete", link], check=True)
    for netns in Path("/run/netns").glob(f"{link}*"):
        if re.fullmatch(rf"{link}(-.*)?", netns.name):
            subprocess.run(["ip", "netns", "delete", netns.name], check=True)
    place = RUN / str(number)
    unmount(place)
    if place.exists():
        shutil.rmtree(place)


def name(number: int, host: str = "") -> str:
    """What the kernel's things of a lab, or of one of its hosts, are called."""
    return f"phl{number}-{host}" if host else f"phl{number}"


@cache
def cgroups() -> Path | None:
    """Where the kernel's cgroup tree of version 2 is mounted."""
    for line in _MOUNTS.read_text().splitlines():
        mount, _, filesystem = line.partition(" - ")
        if filesystem.startswith("cgroup2 ") and mount.split()[3] == "/":
            return Path(mount.split()[4])
    return None


def cgroup(number: int, host: str = "") -> Path:
    """Where a lab's processes are held together, or those of one of its hosts."""
    tree = cgroups()
    if tree is None:
        raise RuntimeError("no cgroup2 tree is mounted")
    return tree / name(number) / host


def kill(group: Path) -> None:
    """All processes of a cgroup end at once, whatever they are doing; the cgroup is gone then."""
    until = time.monotonic() + _PATIENCE
    while group.exists():
        (group / "cgroup.kill").write_text("1")
        inner = [path for path in group.rglob("*") if path.is_dir()]
        try:
            for path in [*reversed(inner), group]:
                path.rmdir()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def unmount(place: Path) -> None:
    """Nothing is mounted at or below a place."""
    mounted = [Path(line.split()[4]) for line in _MOUNTS.read_text().splitlines()]
    for path in reversed(mounted):
        if path.is_relative_to(place):
            subprocess.run(["umount", "--lazy", path], check=True)
