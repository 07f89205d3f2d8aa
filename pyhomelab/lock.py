"""One pyhomelab at a time writes into a lab."""

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
