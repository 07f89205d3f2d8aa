"""A value that must be nowhere, and the search for it: in files, in the memory of SQLite, in running programs."""

from __future__ import annotations

import base64
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CANARY = "canary-5c1d0f3b9a7e42d8"


def pattern(value: str = CANARY) -> re.Pattern[bytes]:
    """What to look for: the value as it is, in hexadecimal, and in base64 wherever in a longer text it begins."""
    data = value.encode()
    shifted = [base64.b64encode(bytes(shift) + data)[4 if shift else 0 : -4] for shift in range(3)]
    return re.compile(b"|".join(map(re.escape, [data, data.hex().encode(), *shifted])))


def files_with(places: Iterable[Path], value: str = CANARY) -> list[Path]:
    """The files below these places that hold the value, or have it in their name or as the target of a link."""
    looked_for = pattern(value)
    return [
        file for place in places for file in (place, *place.rglob("*")) if looked_for.search(os.fsencode(file.name) + _content(file))
    ]  # fmt: skip


def _content(file: Path) -> bytes:
    if file.is_symlink():
        return os.fsencode(file.readlink())
    return file.read_bytes() if file.is_file() else b""


class Watcher:
    """Looks at all programs that run, again and again, and remembers what it saw of their arguments and environment."""

    def __init__(self, value: str = CANARY) -> None:
        self._pattern = pattern(value)
        self._stop = Event()
        self.programs: set[str] = set()
        self.found: set[bytes] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look until the block is left."""
        thread = Thread(target=self._look)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    command = (process / "cmdline").read_bytes()
                    self.programs.add(os.fsdecode(command.split(b"\0")[0]).rpartition("/")[2])
                    seen = command + b"\0" + (process / "environ").read_bytes()
                    if self._pattern.search(seen):
                        self.found.add(seen)
