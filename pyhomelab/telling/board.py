"""What each machine is at, as its events tell it: a row a machine, for whoever draws them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from pyhomelab.state.stations import BuildFailed, Built, Evaluated, EvaluationFailed
from pyhomelab.telling.events import (
    Advanced,
    Building,
    Evaluating,
    HostEnded,
    Progressed,
    RunBegan,
    StageBegan,
    StageEnded,
)
from pyhomelab.telling.report import STAGES, lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyhomelab.telling.events import Doing, Event


class Mark(Enum):
    """How it stands with a machine."""

    WAITING = auto()
    WORKING = auto()
    WELL = auto()
    UNWELL = auto()


@dataclass(slots=True)
class Row:
    """A machine: what is done to it or became of it, and the seconds that were worked on it."""

    host: str
    mark: Mark = Mark.WAITING
    stage: str = "waiting"
    detail: str = ""
    spent: float = 0
    since: float | None = None
    counts: dict[Doing, Advanced] = field(default_factory=dict)

    @property
    def count(self) -> Advanced | None:
        """How far the work is: of several things that are done at once, the first that is not complete."""
        counts = list(self.counts.values())
        return next((count for count in counts if count.done < count.expected), counts[-1] if counts else None)

    def elapsed(self, now: float) -> float:
        """Give the seconds that were worked on it until now."""
        return self.spent + (now - self.since if self.since is not None else 0)


@dataclass(slots=True)
class Board:
    """The rows of the machines in the order in which they were first heard of."""

    clock: Callable[[], float] = time.monotonic
    rows: dict[str, Row] = field(default_factory=dict)

    def hear(self, event: Event) -> list[str]:
        """Take an event; gives the lines of what no row shows."""
        match event:
            case RunBegan(_, _, hosts):
                for host in hosts:
                    self._row(host)
                return lines(event)
            case Evaluating(hosts):
                for host in hosts:
                    self._begin(host, "evaluating")
                return lines(event)
            case EvaluationFailed() | BuildFailed():
                what = "evaluation failed" if isinstance(event, EvaluationFailed) else "build failed"
                self._stop(event.host, Mark.UNWELL, what)
                return lines(event)
            case Progressed(host, doing):
                self._row(host).detail = doing
                return lines(event) if doing.startswith("warning:") else []
            case Advanced(host, doing):
                self._row(host).counts[doing] = event
                return []
            case _:
                return self._hear_of_host(event)

    def _hear_of_host(self, event: Event) -> list[str]:
        match event:
            case Evaluated(host):
                self._stop(host, Mark.WAITING, "evaluated")
            case Building(host):
                self._begin(host, "building")
            case Built(host):
                self._stop(host, Mark.WELL, "built")
            case StageBegan(host, stage):
                self._begin(host, STAGES[stage])
            case StageEnded(host, _, outcome, why):
                self._stop(host, Mark.WAITING, outcome, why)
            case HostEnded(host, became, why, is_well=is_well):
                self._stop(host, Mark.WELL if is_well else Mark.UNWELL, became, why)
            case _:
                return lines(event)
        return []

    def _row(self, host: str) -> Row:
        return self.rows.setdefault(host, Row(host))

    def _begin(self, host: str, stage: str) -> None:
        self._stop(host, Mark.WORKING, stage)
        self.rows[host].since = self.clock()

    def _stop(self, host: str, mark: Mark, stage: str, detail: str = "") -> None:
        """End what is done to a machine, and its count of seconds with it."""
        row = self._row(host)
        row.spent, row.since = row.elapsed(self.clock()), None
        row.mark, row.stage, row.detail = mark, stage, detail
        row.counts.clear()
