"""The disk of a host: what it wrote, on top of an image that hosts share."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.lab import slots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NEW = ""
"""The name of a disk on which nothing was written yet."""


def root(place: Path) -> Path:
    """Where the disk of the host with this directory is seen."""
    return place / "root"


def mount(place: Path, layers: Sequence[Path]) -> None:
    """Mount a host's disk: on top of the last layer what the others bring, the first one wins."""
    for part in ("up", "work", "root"):
        (place / part).mkdir(parents=True, exist_ok=True)
    lower = ":".join(map(str, layers))
    options = f"lowerdir={lower},upperdir={place}/up,workdir={place}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, root(place)], check=True)


def unmount(place: Path) -> None:
    """Unmount a host's disk."""
    slots.unmount(root(place))


def save(place: Path, name: str) -> None:
    """Keep what a host that is off has written; its disk stays as it is."""
    saved = place / "saved" / name
    if saved.exists():
        shutil.rmtree(saved)
    saved.parent.mkdir(exist_ok=True)
    _copy(place / "up", saved)


def take(place: Path, name: str) -> None:
    """Have what was saved under a name written on the disk, which is not mounted, and nothing else."""
    for part in ("up", "work"):
        shutil.rmtree(place / part)
    if name != NEW:
        _copy(place / "saved" / name, place / "up")


def _copy(written: Path, to: Path) -> None:
    # Python's own copies leave out what overlayfs keeps in extended attributes and device files.
    subprocess.run(["cp", "--archive", written, to], check=True)
