"""The one place that starts local programs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.errors import HomelabError

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAIL = 10


class ToolMissing(HomelabError):
    """A program that is needed is not on PATH."""


class CommandFailed(HomelabError):
    """A program ended with a failure; its last lines of stderr say why."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended with exit code 0, and what it printed."""

    argv: tuple[str, ...]
    stdout: str
    stderr: str


def run(argv: Sequence[str], *, doing: str, needs: str, stdin: str | None = None, timeout: float = 600) -> Finished:
    """Run `argv` to its end, for at most `timeout` seconds.

    Raises CommandFailed, saying what we were `doing`, for any exit code but 0, and ToolMissing, saying where the
    program comes from (`needs`), if it is not on PATH. What goes to `stdin` is never shown.
    """
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", input=stdin, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise ToolMissing(f"{argv[0]} is not on PATH", hint=needs) from None
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{doing} took longer than {timeout:g} s") from None
    if done.returncode != 0:
        tail = "\n".join(done.stderr.splitlines()[-_TAIL:])
        raise CommandFailed(f"{doing} failed (exit {done.returncode})\n{tail}")
    return Finished(tuple(argv), done.stdout, done.stderr)
