"""One pyhomelab at a time writes into a lab, and each run is one program's. The kernel frees a lock when that ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the lock of a lab's directory; raises Refused if another run holds it: each would undo the other."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Refused(
            "is being written by another pyhomelab", where=str(directory), hint="wait for it to end"
        ) from None
    finally:
        os.close(descriptor)


@contextmanager
def as_run(own: Path, run_id: str, by: str) -> Iterator[None]:
    """Be the program that is at work on a run; raises Refused if another one is, which `by` says who started."""
    directory = own / "runs"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = directory / run_id
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
        file.unlink(missing_ok=True)
    except BlockingIOError:
        raise Refused(f"run {run_id} is still at work, started by {by}", hint="wait for it to end") from None
    finally:
        os.close(descriptor)
