"""Puts the files of secrets into their places: all of them or none.

Each is whole and on the disk before the first takes its place. Whoever is killed while they do leaves each of them old
or new, and those that are needed to make up for the others come first.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.lock import alone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STAGE = ".pyhomelab-"


@dataclass(frozen=True, slots=True)
class Deposit:
    """A file whose text `old` is to become `new`; None stands for no file."""

    file: Path
    old: str | None = field(repr=False)
    new: str | None = field(repr=False)


def text_of(file: Path) -> str | None:
    """Read a file of the secrets; None if it is not there. Raises Refused if it cannot be read, or may never end."""
    try:
        if not (stat.S_ISREG(mode := file.stat().st_mode) or stat.S_ISDIR(mode)):
            raise Refused("is not a file", where=str(file), hint="move it out of the lab")
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(file)) from None


def deposit(changes: Sequence[Deposit], directory: Path) -> None:
    """Make the changes in the directory of the secrets, in their order.

    Raises Refused, with all as it was, if a file cannot be written, is not what it was when it was read, or another run
    writes into the lab.
    """
    try:
        # The lock of `gen`, which exchanges the whole directory for a new one.
        with alone((directory.parent / "..").resolve()), _stage(directory) as stage:
            for number, change in enumerate(changes):
                _prepare(change, stage / f"{number}.new")
            _place(changes, stage)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = error.filename2 or error.filename or directory
        raise Refused(f"cannot be written: {reason}", where=str(where)) from None


@contextmanager
def _stage(directory: Path) -> Iterator[Path]:
    """Make an empty directory among the secrets, and remove it in the end with those that killed runs have left."""
    _make(directory)
    stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=directory))
    try:
        yield stage
    finally:
        for stray in directory.glob(f"{_STAGE}*"):
            shutil.rmtree(stray)


def _prepare(change: Deposit, file: Path) -> None:
    _make(change.file.parent)
    if change.new is None:
        return
    with file.open("x", encoding="utf-8") as stream:
        stream.write(change.new)
        stream.flush()
        os.fchmod(stream.fileno(), 0o644)  # encrypted, and read by whoever builds the lab from git
        os.fsync(stream.fileno())


def _make(directory: Path) -> None:
    if not directory.exists():
        directory.mkdir()
        directory.chmod(0o755)  # whoever builds the lab may read it


def _place(changes: Sequence[Deposit], stage: Path) -> None:
    begun: list[tuple[Deposit, Path]] = []
    try:
        for number, change in enumerate(changes):
            begun.append((change, stage / f"{number}.old"))
            _exchange(change, stage / f"{number}.new", stage / f"{number}.old")
    except BaseException:  # whatever it is, a signal too
        for change, old in reversed(begun):
            _put_back(change, old)
        raise


def _exchange(change: Deposit, new: Path, old: Path) -> None:
    if change.old is None:
        os.link(new, change.file)  # fails if there is one by now
        old.touch()  # says that it is ours
        return
    if text_of(change.file) != change.old:
        raise Refused("was changed in the meantime", where=str(change.file), hint="try again")
    os.link(change.file, old)
    if change.new is None:
        change.file.unlink()
    else:
        new.replace(change.file)


def _put_back(change: Deposit, old: Path) -> None:
    if not old.exists():
        return
    if change.old is None:
        change.file.unlink()
    else:
        old.replace(change.file)
