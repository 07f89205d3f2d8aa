"""Writes a rendered lab into its directory: only what differs, and all of it or nothing.

The new tree is built beside the old one (unchanged files are hard links, so they keep their inode and time) and the two
are exchanged in one step of the kernel. Whoever is killed before that step leaves the old tree, and a stray
`.hosts.pyhomelab-*` directory that the next run removes.
"""

from __future__ import annotations

import ctypes
import glob
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.files.render import MADE_BY
from pyhomelab.lock import alone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.files.render import RenderedLab

_RENAME_EXCHANGE = 2  # renameat2(2)
_AT_FDCWD = -100


@dataclass(frozen=True, slots=True)
class Change:
    """A file whose text is to become `new`; None stands for no file."""

    path: str
    old: str | None
    new: str | None

    @property
    def verb(self) -> str:
        """What happens to the file."""
        return "created" if self.old is None else "removed" if self.new is None else "changed"


def differences(directory: Path, rendered: RenderedLab) -> list[Change]:
    """Compare a rendered lab with what lies in `directory`; sorted by path.

    Raises Refused where a file of somebody else's stands in the way of a generated one, or cannot be read.
    """
    try:
        return _differences(directory, rendered)
    except OSError as error:
        reason = f"cannot be read: {(error.strerror or str(error)).lower()}"
        raise Refused(reason, where=str(error.filename or directory), hint="move it out of the lab") from None


def _differences(directory: Path, rendered: RenderedLab) -> list[Change]:
    machines = {path.partition("/")[0] for path in rendered.generated if "/" in path}
    foreign = [name for name in sorted(machines) if (directory / name).is_symlink()]
    if foreign:
        raise Refused("is a symbolic link", where=str(directory / foreign[0]), hint="make it a directory of the lab")
    changes = [
        Change(path, old, new) for path, new in rendered.generated.items() if (old := _text(directory / path)) != new
    ]
    changes += [
        Change(path, None, new)
        for path, new in rendered.owned.items()
        if not (directory / path).is_symlink() and not (directory / path).exists()
    ]
    changes += [Change(path, text, None) for path, text in _left_over(directory, rendered)]
    for change in changes:
        if change.old is not None and not change.old.startswith(MADE_BY):
            raise Refused(
                "was not made by pyhomelab, so it is not overwritten",
                where=str(directory / change.path),
                hint="move its settings to extra.nix beside it, then remove it",
            )
    return sorted(changes, key=lambda change: change.path)


def write(directory: Path, changes: list[Change]) -> None:
    """Make the changes, all or none; raises Refused if another run is at work or nothing can be written there."""
    if not changes:
        return
    try:
        with alone((directory / "..").resolve()):
            if _may_be_exchanged(directory) and _write_anew(directory, changes):
                return
            with _stage(directory, inside=True) as stage:  # what is moved in must be on the same filesystem
                _apply([change for change in changes if change.new is not None], stage)
                _move_in(changes, stage, directory)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Refused(f"cannot be written: {reason}", where=str(error.filename or directory), hint="") from None


def _write_anew(directory: Path, changes: list[Change]) -> bool:
    """Make the new tree beside the old one and exchange them; False, with the old one in place, if that cannot be."""
    with _stage(directory, inside=False) as stage:
        if not _mirror(directory, stage):
            return False
        _apply(changes, stage)
        return _exchange(stage, directory)


def _text(path: Path) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would let us wait
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused("is not a file", where=str(path), hint="move it out of the lab")
    with open(descriptor, "rb") as file:  # noqa: PTH123 - it is open already
        return file.read().decode("utf-8", errors="surrogateescape")


def _left_over(directory: Path, rendered: RenderedLab) -> Iterator[tuple[str, str]]:
    """Find files that we made for machines, or parts of machines, that are no more."""
    for entry in os.scandir(directory):
        if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
            continue
        for file in os.scandir(entry.path):
            path = f"{entry.name}/{file.name}"
            if file.name.endswith(".nix") and path not in rendered.generated and path not in rendered.owned:
                text = _text(Path(file.path)) if file.is_file(follow_symlinks=False) else None
                if text is not None and text.startswith(MADE_BY):
                    yield path, text


@contextmanager
def _stage(directory: Path, *, inside: bool) -> Iterator[Path]:
    """Make an empty directory in or beside the lab's, and remove it in the end with whatever it holds by then."""
    prefix = f".{directory.resolve().name}.pyhomelab-"
    for place in (directory, directory.parent):
        for stray in place.glob(f"{glob.escape(prefix)}*"):
            shutil.rmtree(stray)
    stage = Path(tempfile.mkdtemp(prefix=prefix, dir=directory if inside else directory.parent))
    try:
        yield stage
    finally:
        shutil.rmtree(stage)


def _may_be_exchanged(directory: Path) -> bool:
    """Say whether the directory may be replaced: not under a shell that stands in it, nor a mount or a link."""
    here = Path.cwd()
    inside = here == directory.resolve() or directory.resolve() in here.parents
    return not inside and not directory.is_symlink() and not directory.is_mount()


def _mirror(source: Path, target: Path) -> bool:
    """Copy a tree as hard links; where the filesystem has none, as copies. False where a file allows neither."""
    try:
        shutil.copytree(source, target, symlinks=True, copy_function=_link, dirs_exist_ok=True)
    except shutil.Error:
        return False
    status = source.stat()
    if os.geteuid() == 0:
        os.chown(target, status.st_uid, status.st_gid)
    return True


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def _apply(changes: list[Change], stage: Path) -> None:
    # plain strings and os calls: a large lab is thousands of small files, and path objects would double the time
    made: set[str] = set()
    for change in changes:
        path = f"{stage}/{change.path}"
        parent = os.path.dirname(path)  # noqa: PTH120 - as above
        mode = None
        if change.old is not None and os.path.exists(path):  # noqa: PTH110 - as above
            mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 - as above
            os.unlink(path)  # noqa: PTH108 - a hard link still: writing through it would change the old tree
        if change.new is not None:
            if parent not in made:
                os.makedirs(parent, exist_ok=True)  # noqa: PTH103 - as above
                made.add(parent)
            _create(path, change.new)
            if mode is not None:
                os.chmod(path, mode)  # noqa: PTH101 - as above
        elif Path(parent) != stage and not os.listdir(parent):  # noqa: PTH208 - as above
            os.rmdir(parent)  # noqa: PTH106 - as above


def _create(path: str, text: str) -> None:
    with open(path, "xb", buffering=0) as file:  # noqa: PTH123 - as above
        file.write(text.encode("utf-8"))


def _exchange(stage: Path, directory: Path) -> bool:
    """Exchange two directories in one step; False where the kernel or the filesystem cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(stage), _AT_FDCWD, os.fsencode(directory), _RENAME_EXCHANGE) == 0)


def _move_in(changes: list[Change], stage: Path, directory: Path) -> None:
    """Move finished files to their places one by one: the best that can be done without an exchange."""
    for change in changes:
        target = directory / change.path
        if change.new is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            if change.old is not None:
                shutil.copymode(target, stage / change.path)
            (stage / change.path).replace(target)
        else:
            target.unlink(missing_ok=True)
            if target.parent != directory and not any(target.parent.iterdir()):
                target.parent.rmdir()
