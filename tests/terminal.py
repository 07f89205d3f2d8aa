"""A real pseudo terminal with a program on it, and what it shows: enough of a terminal for what the program draws."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_CONTROL = re.compile(r"\x1b\[(?P<arguments>[?0-9;]*)(?P<letter>[A-Za-z])|(?P<character>[^\x1b])", re.DOTALL)


@dataclass
class Screen:
    """What a terminal without an upper end shows: moves up, returns, cleared lines, the cursor; colours are passed over.

    Whatever else steers a terminal is an error.
    """

    lines: list[str] = field(default_factory=lambda: [""])
    row: int = 0
    column: int = 0
    has_cursor: bool = True

    def write(self, text: str) -> None:
        """Take what a program writes."""
        read = 0
        for match in _CONTROL.finditer(text):
            assert match.start() == read, f"not understood: {text[read : match.start()]!r}"
            read = match.end()
            if match["letter"]:
                self._steer(match["arguments"], match["letter"])
            else:
                self._put(match["character"])
        assert read == len(text), f"not understood: {text[read:]!r}"

    def _put(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row += 1
            self.lines += [""] * (self.row + 1 - len(self.lines))
        else:
            assert character.isprintable(), ascii(character)
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
            self.column += 1

    def _steer(self, arguments: str, letter: str) -> None:
        match arguments, letter:
            case _, "m":
                pass
            case "2", "K":
                self.lines[self.row] = ""
            case count, "A":
                self.row -= int(count or 1)
                assert self.row >= 0
            case "?25", "h" | "l":
                self.has_cursor = letter == "h"
            case _:
                raise AssertionError(f"not understood: {arguments}{letter}")

    @property
    def text(self) -> str:
        """All that is on it, without what is blank at the ends."""
        return "\n".join(line.rstrip() for line in self.lines).rstrip()


@dataclass
class Terminal:
    """A terminal on which a program runs; `raw` is all that the program has written on it."""

    descriptor: int
    process: subprocess.Popen[bytes]
    raw: bytes = b""

    @property
    def screen(self) -> Screen:
        """What it shows now; a sequence that is cut off here is left out."""
        screen = Screen()
        screen.write(re.sub(r"\x1b(\[[?0-9;]*)?$", "", self.raw.decode(errors="ignore")))
        return screen

    def wait(self, shows: Callable[[Screen], object] | str, patience: float = 30) -> None:
        """Read until the screen shows something."""
        is_seen = (lambda screen: shows in screen.text) if isinstance(shows, str) else shows
        deadline = time.monotonic() + patience
        while not is_seen(self.screen):
            assert time.monotonic() < deadline, self.screen.text
            assert self.read(0.2), self.screen.text

    def read(self, seconds: float) -> bool:
        """Read what is written within some seconds; gives whether anybody is left who could write."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.descriptor], [], [], left)[0]:
                try:
                    told = os.read(self.descriptor, 1 << 16)
                except OSError:  # the last who had it open is gone
                    return False
                self.raw += told
        return True

    def type(self, text: str) -> None:
        """Type on its keyboard."""
        os.write(self.descriptor, text.encode())

    def end(self, patience: float = 30) -> int:
        """Wait until the program ends; gives its exit code."""
        deadline = time.monotonic() + patience
        while self.read(0.1) and self.process.poll() is None:
            assert time.monotonic() < deadline, self.screen.text
        self.read(0.1)
        return self.process.wait(patience)

    @property
    def settings(self) -> list[Any]:
        """How it is set: what it echoes, what Ctrl-C does."""
        return termios.tcgetattr(self.descriptor)


@contextmanager
def on_terminal(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    size: tuple[int, int] = (24, 100),
    hands: Sequence[int] = (),
    stdout: int | None = None,
) -> Iterator[Terminal]:
    """Start a program on a terminal of so many lines and columns; it is killed if it still runs at the end.

    `hands` are further files that it gets; `stdout` is where its results go, if not to the terminal.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    name = os.ttyname(follower)
    # Whoever opens a terminal first in a session of his own gets its Ctrl-C.
    shell = ["sh", "-c", f'exec <{name} 2>{name}{"" if stdout else f" >{name}"}; exec "$@"', "sh"]
    process = subprocess.Popen(
        [*shell, *argv],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
        pass_fds=hands,
    )
    terminal = Terminal(leader, process)
    terminal.read(0.01)
    os.close(follower)
    try:
        yield terminal
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(leader)
