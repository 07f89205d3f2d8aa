"""Who is told what happens: a person at a terminal, a log, or a program."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, TextIO

from pyhomelab.cli.live import LiveView
from pyhomelab.cli.progress import show
from pyhomelab.telling.event_json import as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyhomelab.telling.events import Event


class Teller:
    """Hands events on, one at a time, from whichever thread they come.

    An output that takes no more (its reader has gone) does not stop the work: `broken` says why, for its end.
    """

    def __init__(
        self, hand_on: Callable[[Event], None], pause: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self._hand_on, self._pause = hand_on, pause
        self._one_at_a_time = Lock()
        self.broken: OSError | None = None

    def __call__(self, event: Event) -> None:
        """Hand on an event; never fails."""
        with self._one_at_a_time:
            if self.broken is None:
                try:
                    self._hand_on(event)
                except OSError as error:
                    self.broken = error

    def paused(self) -> AbstractContextManager[None]:
        """Keep the terminal free for a question while the block lasts."""
        return self._pause()


@contextmanager
def teller(*, json_events: bool = False) -> Iterator[Teller]:
    """Give the one to tell events to while the block lasts.

    With `json_events` it prints lines of JSON on stdout. Else it writes on stderr, for a person: a live view if that is
    a terminal that can show one, else lines. Results are to be printed after the block, questions asked while it is
    paused. Raises OSError at the end if what it wrote to took no more.
    """
    if json_events:
        tell = Teller(_print_json)
        yield tell
    elif is_lively(sys.stderr):
        view = LiveView()
        tell = Teller(view.tell, view.paused)
        view.begin()
        try:
            yield tell
        finally:
            view.end()
    else:
        tell = Teller(show)
        yield tell
    if tell.broken is not None:
        raise tell.broken


def is_lively(stream: TextIO) -> bool:
    """Say whether a stream is a terminal that can draw over what it has drawn."""
    return stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


def _print_json(event: Event) -> None:
    sys.stdout.write(f"{as_json(event, datetime.now(UTC))}\n")
    sys.stdout.flush()
