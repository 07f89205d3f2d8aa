"""Events as a live view on a terminal: a line a machine, and above them what concerns more than one moment."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pyhomelab.telling.board import Board, Mark
from pyhomelab.text.wording import counted, harmless, in_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from pyhomelab.telling.board import Row
    from pyhomelab.telling.events import Advanced, Event

_REDRAWS = 8
"""A second, whatever happens."""
_BAR = 20
_NARROW = 80
_SIGNS: Mapping[Mark, tuple[str, tuple[str, str]]] = {
    Mark.WAITING: ("dim", ("·", ".")),
    Mark.WORKING: ("", ("·", ".")),  # in the last view: work that was broken off
    Mark.WELL: ("green", ("✓", "+")),
    Mark.UNWELL: ("red", ("✗", "x")),
}
"""Style and sign of each, and its sign for a terminal that knows ASCII only."""
_ORDER = (Mark.WORKING, Mark.UNWELL, Mark.WAITING, Mark.WELL)
"""Of more machines than lines, these are shown first."""


class LiveView:
    """A view of machines at work on stderr; what else is written there meanwhile appears above it."""

    def __init__(self, console: Console | None = None, board: Board | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._board = board or Board()
        self._lock = Lock()  # of the board; never held while something is drawn, which has locks of its own
        self._held: list[str] | None = []
        self._spinner = Spinner("line" if self._console.options.ascii_only else "dots")
        self._live: Live | None = None
        self._is_last = False

    def tell(self, event: Event) -> None:
        """Take an event; it is seen when the view is drawn again, its lines at once unless the view is paused."""
        with self._lock:
            words = [harmless(line) for line in self._board.hear(event)]
            if self._held is not None:
                self._held += words
                return
        self._write(words)

    def begin(self) -> None:
        """Show the view."""
        with self._lock:
            held, self._held = self._held or [], None
        self._write(held)
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_REDRAWS,
            redirect_stdout=False,  # results are for stdout, and not for the terminal that shows this
        )
        self._live.start()

    def end(self) -> None:
        """Draw it for the last time, every machine of it, and leave that there."""
        self._is_last = True
        try:
            self._stop(is_seen_no_more=False)
        finally:
            self._console.show_cursor()  # whoever is in a hurry may press Ctrl-C again

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the view away while the block lasts, and hold back what would be written."""
        with self._lock:
            self._held = []
        self._stop(is_seen_no_more=True)
        try:
            yield
        finally:
            self.begin()

    def _stop(self, *, is_seen_no_more: bool) -> None:
        if self._live is not None:
            self._live.transient = is_seen_no_more
            self._live.stop()
            self._live = None

    def _write(self, words: Sequence[str]) -> None:
        if words:
            self._console.print(Text("\n".join(words)), soft_wrap=True)

    def _draw(self) -> RenderableType:
        with self._lock:
            rows, now = list(self._board.rows.values()), self._board.clock()
            room = len(rows) if self._is_last else max(1, self._console.height - 2)
            seen = sorted(rows, key=lambda row: _ORDER.index(row.mark))[:room] if len(rows) > room else rows
            table = self._table([self._cells(row, now) for row in seen])
        hidden = len(rows) - len(seen)
        return Group(table, Text(f"and {counted(hidden, 'other')}", style="dim")) if hidden else table

    def _table(self, rows: Sequence[Sequence[RenderableType]]) -> Table:
        table = Table.grid(padding=(0, 1), expand=True)
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, width=_BAR if self._console.width >= _NARROW else 0)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(no_wrap=True, justify="right")
        for row in rows:
            table.add_row(*row)
        return table

    def _cells(self, row: Row, now: float) -> Sequence[RenderableType]:
        count = row.count
        bar = ProgressBar(total=max(1, count.expected), completed=count.done, width=_BAR) if count else ""
        style = {Mark.WELL: "green", Mark.UNWELL: "red"}.get(row.mark, "")
        return (
            self._mark(row, now),
            Text(row.host),
            Text(harmless(row.stage), style=style),
            bar,
            Text(_shown(count) if count else ""),
            Text(_line(row.detail), style="" if row.mark is Mark.UNWELL else "dim"),
            Text(_clock(row.elapsed(now)) if row.mark is not Mark.WAITING or row.spent else "", style="dim"),
        )

    def _mark(self, row: Row, now: float) -> RenderableType:
        if row.mark is Mark.WORKING and not self._is_last:
            return self._spinner.render(now)
        style, signs = _SIGNS[row.mark]
        return Text(signs[self._console.options.ascii_only], style=style)


def _shown(count: Advanced) -> str:
    done, expected = (
        (in_units(count.done), in_units(count.expected)) if count.unit == "bytes" else (count.done, count.expected)
    )
    return f"{done}/{expected}"


def _line(detail: str) -> str:
    return harmless(detail).partition("\n")[0]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
