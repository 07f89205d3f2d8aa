"""Scripts for hosts: kept in `pyhomelab/host`, sent with their values before them, answered in rows between tabs."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from importlib.resources import files
from typing import TYPE_CHECKING

from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyhomelab.shell import Done

_HOST = files("pyhomelab").joinpath("host")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_PATH = re.compile(r"/[A-Za-z0-9+._?=/-]+")
_BEGIN, _END = ["begin", "1"], ["end"]


def host_script(name: str) -> str:
    """Give the text of a script that hosts run."""
    return _HOST.joinpath(name).read_text(encoding="utf-8")


def with_values(values: Mapping[str, str], script: str) -> str:
    """Put a script's values before it."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()) + script


def plain_name(name: str) -> str:
    """Give the name of a run or of a machine back; raises ValueError if it is none."""
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    return name


def plain_path(path: str) -> str:
    """Give a path back that means nothing to a shell; raises ValueError if it does."""
    if not _PATH.fullmatch(path):
        raise ValueError(path)
    return path


def verdict_of(done: Done) -> list[str]:
    """Give the words of the line that begins with `verdict`, the last if a login shell said another; or none."""
    verdicts = [line.split("\t")[1:] for line in done.stdout.split("\n") if line.startswith("verdict\t")]
    return [harmless(word) for word in verdicts[-1]] if verdicts else []


def raw_rows_of(done: Done) -> defaultdict[str, list[list[str]]] | None:
    """Take an answer apart, by the first word of its rows; None if it is none. What stands around it says nothing.

    The words are as the host said them.
    """
    rows = [line.split("\t") for line in done.stdout.split("\n")]
    starts = [number for number, row in enumerate(rows) if row == _BEGIN]
    answer = rows[starts[-1] + 1 :] if starts else []
    if _END not in answer:
        return None
    found: defaultdict[str, list[list[str]]] = defaultdict(list)
    for key, *words in answer[: answer.index(_END)]:
        found[key].append(words)
    return found


def rows_of(done: Done) -> Mapping[str, Sequence[Sequence[str]]] | None:
    """Take an answer apart as `raw_rows_of` does, without what would steer a terminal."""
    found = raw_rows_of(done)
    if found is None:
        return None
    clean: defaultdict[str, list[list[str]]] = defaultdict(list)
    for key, rows in found.items():
        clean[harmless(key)] += [[harmless(word) for word in words] for words in rows]
    return clean


def last_words(done: Done) -> str:
    """Give the last line that a script said, above all of errors; else how it ended."""
    lines = [line.strip() for line in harmless(f"{done.stdout}\n{done.stderr}").split("\n") if line.strip()]
    return lines[-1] if lines else f"exit {done.exit_code}"
