"""Waiting for what takes its time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class TookTooLong(Exception):
    """Something did not come to pass in time."""


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TookTooLong(f"it is not so after {seconds:g} s")
        time.sleep(0.05)
