"""Checks → what is found of them on their machine, all in one go; what does not hold yet is asked again for a while."""

from __future__ import annotations

import math
import shlex
import time
from collections import defaultdict
from importlib.resources import files
from typing import TYPE_CHECKING

from pyhomelab.checks import NOT_HERE, NOT_JUDGED, Finding
from pyhomelab.state.hoststate import NoAnswer
from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from pyhomelab.checks import Check
    from pyhomelab.shell import Done, Shell

_SCRIPT = files("pyhomelab").joinpath("host/checks.sh").read_text(encoding="utf-8")
_AGAIN = 2.0
_SLACK = 60
_CUT = (124, 137)  # what `timeout` ends with, having asked once and having killed
_BEGIN, _END = ["begin", "1"], ["end"]
_MOST_LINES = 3


def examine(  # noqa: PLR0913 - all but the first three have names at the call
    shell: Shell,
    machine: str,
    checks: Sequence[Check],
    *,
    waits: bool | Container[str],
    at_most: float = math.inf,
    on_wait: Callable[[Sequence[Finding]], None] | None = None,
) -> dict[str, Finding]:
    """Ask a machine, over root's shell, all its checks side by side; gives what is found, by their names.

    If it waits (for all, or for those named), what fails is asked again until it holds, for as long as the check's
    patience lasts and for no longer than `at_most` seconds in all. `on_wait` hears what that is, whenever it is less.
    Raises HostFailed if the machine cannot be asked.
    """
    found: dict[str, Finding] = {}
    began = time.monotonic()
    pending = list(checks)
    heard = 0
    while pending:
        found |= _asked(shell, machine, pending)
        lasted = time.monotonic() - began + _AGAIN
        pending = [
            check
            for check in pending
            if found[check.name].verdict == "fails"
            and (waits if isinstance(waits, bool) else check.name in waits)
            and lasted < min(check.patience, at_most)
        ]
        if pending and on_wait is not None and len(pending) != heard:
            heard = len(pending)
            on_wait([found[check.name] for check in pending])
        if pending:
            time.sleep(_AGAIN)
    return {check.name: found[check.name] for check in checks}


def _asked(shell: Shell, machine: str, checks: Sequence[Check]) -> dict[str, Finding]:
    words = [word for check in checks for word in (str(check.limit), check.script)]
    done = shell.run(f"set -- {shlex.join(words)}\n{_SCRIPT}", timeout=max(check.limit for check in checks) + _SLACK)
    ended, said = _answers(machine, done)
    known = sum(number in ended for number in range(1, len(checks) + 1))
    if known < len(checks):
        raise NoAnswer(f"answered {known} of {len(checks)} checks", where=machine)
    return {check.name: _finding(check, *ended[number], said[number]) for number, check in enumerate(checks, start=1)}


def _answers(machine: str, done: Done) -> tuple[dict[int, tuple[int, int]], dict[int, list[str]]]:
    """Take the answer apart: how each check ended and after how many seconds, and what it said."""
    rows = [line.split("\t") for line in done.stdout.split("\n")]
    start = rows.index(_BEGIN) + 1 if _BEGIN in rows else len(rows)
    if _END not in rows[start:]:
        words = [line.strip() for line in harmless(f"{done.stderr}\n{done.stdout}").split("\n") if line.strip()]
        reason = words[-1] if words else "nothing"
        raise NoAnswer(f"did not run its checks (exit {done.exit_code}), but said: {reason}", where=machine)
    ended: dict[int, tuple[int, int]] = {}
    said: dict[int, list[str]] = defaultdict(list)
    try:
        for row in rows[start : rows.index(_END, start)]:
            match row:
                case ["check", number, code, seconds]:
                    ended[int(number)] = int(code), int(seconds)
                case ["full"]:
                    raise NoAnswer("has no room in /run for its checks", where=machine)
                case ["said", number, *words]:
                    said[int(number)].append(harmless(" ".join(words)).strip())
    except ValueError:
        raise NoAnswer("answered its checks with something that makes no sense", where=machine) from None
    return ended, said


def _finding(check: Check, code: int, seconds: int, lines: Sequence[str]) -> Finding:
    words = [line for line in lines if line][-_MOST_LINES:]
    if code == 0:
        return Finding(check, "holds", "; ".join(words), seconds)
    if code in (NOT_JUDGED, NOT_HERE):
        return Finding(check, "not run", "; ".join(words), seconds, is_due=code != NOT_HERE)
    if code in _CUT and seconds >= check.limit:
        words.append(f"it did not end within {check.limit} s")
    return Finding(check, "fails", "; ".join(words) or f"exit {code}", seconds)
