"""Runs a Nix for a machine, and tells how far it is."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pyhomelab.nix.flakes import NEEDS_NIX, NIX
from pyhomelab.nix.log import INTERNAL_JSON, NixLog
from pyhomelab.telling.events import Progressed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyhomelab.process import Children, Ended
    from pyhomelab.telling.events import Advanced, Tell

_OFTEN = 0.5
"""Seconds between two counts that are told; Nix itself gives thousands a second."""


def run_nix(
    words: Sequence[str], host: str, children: Children, tell: Tell, environment: Mapping[str, str] | None = None
) -> tuple[Ended, list[str]]:
    """Run Nix for a machine; gives how it ended and what it said in words, and the lines that it printed."""
    log = NixLog(host, "copying" if words[0] == "copy" else "fetching")
    counts = Counts(log, tell)

    def heard(line: str) -> None:
        for doing in log.hear(line):
            tell(Progressed(host, doing))
        counts.tell_at_times()

    argv = [*NIX, *words, *INTERNAL_JSON]
    with children.running(argv, needs=NEEDS_NIX, environment=environment, on_stderr=heard) as nix:
        printed = list(nix.lines())
        ended = replace(nix.end(), stderr=log.text)
    counts.tell_new()
    return ended, printed


class Counts:
    """The counts of a Nix as they are told: not too often, none twice."""

    def __init__(self, log: NixLog, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._tell, self._clock = log, tell, clock
        self._next = clock() + _OFTEN
        self._told: dict[str, Advanced] = {}

    def tell_at_times(self) -> None:
        """Tell what is new if it is time again."""
        if self._clock() >= self._next:
            self._next = self._clock() + _OFTEN
            self.tell_new()

    def tell_new(self) -> None:
        """Tell each count that is not what was told last."""
        for count in self._log.advanced():
            if self._told.get(count.doing) != count:
                self._told[count.doing] = count
                self._tell(count)
