"""What one Nix tells of its work with `--log-format internal-json`: its words as it would write them, and counts.

Such a Nix leaves the last lines of a build's log out of the error, since it has told each of them. They are put back.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyhomelab.telling.events import Advanced
from pyhomelab.text.said import progress
from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from pyhomelab.telling.events import Doing

INTERNAL_JSON = ("--log-format", "internal-json")

_PREFIX = "@nix "
_KEPT = 1000  # lines: the log of a failed build, with what was said around it
_TAIL = 25  # lines of a build's log in its error, as many as nix.conf says if it says nothing
_WIDEST = 300
_SHOWN = range(4)  # the levels of what Nix says unless it is asked for more
_COPY_PATH, _BUILDS, _BUILD = 100, 104, 105  # what is begun
_LOG_LINE, _COUNT, _EXPECTED = 101, 105, 106  # what is told of it
_DERIVATION = re.compile(r"'([^']*\.drv)'")


@dataclass(slots=True)
class NixLog:
    """The work of one Nix for a machine, followed line by line; `moving` is what it means there to copy paths."""

    host: str
    moving: Doing
    _said: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _derivations: dict[int, str] = field(default_factory=dict)
    _logs: dict[str, deque[str]] = field(default_factory=dict)
    _copied: dict[int, int] = field(default_factory=dict)
    _to_copy: dict[int, int] = field(default_factory=dict)
    _copied_bytes: int = 0
    _all_builds: set[int] = field(default_factory=set)
    _builds: tuple[int, int] = (0, 0)

    @property
    def text(self) -> str:
        """What it said in words, its last lines."""
        return "\n".join(self._said)

    def hear(self, line: str) -> list[str]:
        """Take a line of its stderr; gives what that tells of its progress in words: `building linux-6.12.30`."""
        words = self._words(line)
        self._said.extend(words)
        return [doing for word in words if (doing := progress(word))]

    def advanced(self) -> list[Advanced]:
        """Say how far it is: with the bytes that are copied, and with the builds, where there are any."""
        counts = []
        if to_copy := sum(self._to_copy.values()):
            done = self._copied_bytes
            counts.append(Advanced(self.host, self.moving, done, max(done, to_copy), "bytes"))
        done, expected = self._builds
        if expected:
            counts.append(Advanced(self.host, "building", done, max(done, expected), "builds"))
        return counts

    def _words(self, line: str) -> list[str]:
        """Give the lines in which it would have said this into a pipe; what is no JSON is words already."""
        match _as_json(line):
            case {"action": "msg", "msg": str(text)}:
                return self._with_log(text.splitlines())
            case {"action": "start", "id": int(number), "type": int(kind), "text": str(text), **more}:
                self._begin(number, kind, more.get("fields"))
                return [f"{text}..."] if text and more.get("level") in _SHOWN else []
            case {"action": "result", "id": int(number), "type": int(kind), "fields": [*told]}:
                self._tell(number, kind, told)
                return []
            case {"action": _}:
                return []
            case _:
                return [line]

    def _begin(self, number: int, kind: int, fields: object) -> None:
        match fields:
            case [str(derivation), *_] if kind == _BUILD:
                self._derivations[number] = derivation
                self._logs[derivation] = deque(maxlen=_TAIL)
        if kind == _COPY_PATH:
            self._copied[number] = 0
        elif kind == _BUILDS:
            self._all_builds.add(number)

    def _tell(self, number: int, kind: int, told: list[Any]) -> None:
        match told:
            case [str(line)] if kind == _LOG_LINE and number in self._derivations:
                self._logs[self._derivations[number]].append(line[:_WIDEST])
            case [int(of), int(bytes_)] if kind == _EXPECTED and of == _COPY_PATH:
                self._to_copy[number] = bytes_
            case [int(done), int(expected), *_] if kind == _COUNT:
                self._count(number, done, expected)

    def _count(self, number: int, done: int, expected: int) -> None:
        if number in self._copied:
            self._copied_bytes += done - self._copied[number]
            self._copied[number] = done
        elif number in self._all_builds:
            self._builds = (done, expected)

    def _with_log(self, lines: list[str]) -> list[str]:
        """Add the end of a build's log to its error, unless it is there, as a daemon puts it there."""
        plain = harmless("\n".join(lines))
        found = _DERIVATION.search(plain.partition("\n")[0]) if plain.startswith("error:") else None
        log = self._logs.get(found[1]) if found else None
        if found is None or not log or "log lines:" in plain:
            return lines
        tail = [f"Last {len(log)} log lines:", *(f"> {line}" for line in log)]
        whole = ["For full logs, run:", f"  nix log {found[1]}"]
        return [*lines, *(f"       {line}" for line in (*tail, *whole))]


def _as_json(line: str) -> object:
    if not line.startswith(_PREFIX):
        return None
    try:
        return json.loads(line.removeprefix(_PREFIX))
    except (ValueError, RecursionError):
        return None
