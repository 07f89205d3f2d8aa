"""What Nix said, cut down to what explains a failure or shows progress."""

from __future__ import annotations

import re
import textwrap
from itertools import takewhile
from typing import TYPE_CHECKING

from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENOUGH = 12
_MOST = 40
_WIDEST = 300
_FOLLOWS = re.compile(r"\bdependenc(y|ies)\b.*\bfailed\b", re.DOTALL)  # this failure stems from another one
_DIRTY = re.compile(r"warning: Git tree '.*' (is dirty|has uncommitted changes)")
_TRUNCATED = re.compile(r"\(stack trace truncated; ")
_STORE_PATH = r"'[^']*/[0-9a-z]{32}-([^'/]+?)(?:\.drv)?'"
_PROGRESS = (
    (re.compile(rf"building {_STORE_PATH}"), "building"),
    (re.compile(rf"copying path {_STORE_PATH} from"), "fetching"),
)


def why_not_evaluated(text: str) -> str:
    """Give the last steps of an evaluation error, with the whole of its cause: Nix names that at the very end."""
    steps = _steps(_lines(text))
    chosen: list[str] = steps.pop()[:_MOST] if steps else []
    while steps and len(steps[-1]) + len(chosen) <= _ENOUGH:
        chosen = steps.pop() + chosen
    if len(chosen) > 1 and chosen[0].strip() == "error:":
        del chosen[0]  # the heading of the steps below it
    return textwrap.dedent("\n".join(chosen))


def why_not_built(text: str) -> str:
    """Give the errors of a build with the last lines of their logs; what failed only for want of these is left out."""
    lines = _lines(text)
    errors = [_error(lines, number) for number, line in enumerate(lines) if line.startswith("error:")]
    causes = [error for error in errors if not _FOLLOWS.search("\n".join(error))] or errors or [lines[-_ENOUGH:]]
    return "\n".join([line for cause in causes for line in cause][:_MOST])


def progress(line: str) -> str | None:
    """Say what a line of stderr tells of Nix's progress: `building linux-6.12.30`; None if it tells none."""
    line = harmless(line)
    for pattern, verb in _PROGRESS:
        if match := pattern.match(line):
            return f"{verb} {match[1]}"
    is_warning = line.startswith("warning:") and not _DIRTY.match(line)
    return _cut(line) if is_warning else None


def _steps(lines: list[str]) -> list[list[str]]:
    """Part an error at its steps, which begin with `…` or `error:`."""
    steps: list[list[str]] = []
    for line in lines:
        if not steps or line.lstrip().startswith(("…", "error:")):
            steps.append([])
        steps[-1].append(line)
    return steps


def _error(lines: list[str], start: int) -> list[str]:
    """Give an error with what is indented below it, but without the paths that would have come out of it."""
    return [lines[start], *_without_outputs(takewhile(_is_inner, lines[start + 1 :]))]


def _is_inner(line: str) -> bool:
    return line.startswith((" ", ">"))


def _without_outputs(lines: Iterator[str] | takewhile[str]) -> Iterator[str]:
    depth = None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if depth is not None and indent > depth:
            continue
        depth = indent if line.strip() == "Output paths:" else None
        if depth is None:
            yield line


def _lines(text: str) -> list[str]:
    lines = [_cut(line.rstrip()) for line in harmless(text).splitlines()]
    return [line for line in lines if line and not (_DIRTY.match(line) or _TRUNCATED.match(line.lstrip()))]


def _cut(line: str) -> str:
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"
