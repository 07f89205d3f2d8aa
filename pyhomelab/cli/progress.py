"""Events as plain lines on stderr; stdout is for results."""

from __future__ import annotations

import sys
from threading import Lock
from typing import TYPE_CHECKING

from pyhomelab.telling.report import lines
from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from pyhomelab.telling.events import Event

_ONE_AT_A_TIME = Lock()


def show(event: Event) -> None:
    """Write an event on stderr; the lines of events that threads show at the same time do not mix."""
    with _ONE_AT_A_TIME:
        for line in lines(event):
            sys.stderr.write(f"{harmless(line)}\n")
        sys.stderr.flush()
