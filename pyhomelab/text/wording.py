"""How things are said: near misses, lists, sizes and values in words."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_LONGEST_VALUE = 60
_LONGEST_LIST = 8
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]")
_UNITS = (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def near_miss(word: str, known: Iterable[str], *, kind: str) -> str:
    """Say which known name was probably meant, or which there are.

    >>> near_miss("storge", ["lan", "storage"], kind="network")
    'did you mean storage?'
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(word.lower(), names, n=3, cutoff=0.6)
    if close:
        # of those that are equally near, no one is the likelier
        nearness = [difflib.SequenceMatcher(None, name, word.lower()).ratio() for name in close]
        nearest = sorted(name for name, near in zip(close, nearness, strict=True) if near == nearness[0])
        return f"did you mean {listed(nearest, last='or')}?"
    if not names:
        return f"there is no {kind} yet"
    known_ones = ", ".join(names[:_LONGEST_LIST]) + (", …" if len(names) > _LONGEST_LIST else "")
    return f"there {'are' if len(names) > 1 else 'is'} {known_ones}"


def listed(words: Iterable[str], last: str = "and") -> str:
    """Join words as a sentence does: `a, b and c`."""
    items = list(words)
    return f" {last} ".join(filter(None, [", ".join(items[:-1]), items[-1]])) if items else ""


def few(words: Sequence[str], most: int) -> str:
    """Join words as `listed` does; of more than so many the rest is counted: `a, b and 3 more`."""
    more = len(words) - most
    return listed([*words[:most], f"{more} more"] if more > 0 else words)


def counted(number: int, noun: str) -> str:
    """Say a number of things: `1 host`, `3 hosts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def in_units(size: int) -> str:
    """Write a number of bytes in the largest binary unit that keeps it short: `36GiB`, `1.5TiB`."""
    for unit, factor in _UNITS:
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + unit
    return f"{size}B"


def lasting(seconds: float) -> str:
    """Say how long something has lasted, in its largest unit: `40 s`, `5 min`, `3 h`, `12 days`."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length * (2 if unit == "days" else 1):
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def harmless(text: str) -> str:
    """Take what steers a terminal out of text that a host or a tool said: only lines of visible characters stay.

    Besides control characters, that is what turns the direction of writing or shows nothing at all.
    """
    plain = _ESCAPE.sub("", text).replace("\t", " ")
    return "".join(letter for letter in plain if letter == "\n" or not unicodedata.category(letter).startswith("C"))


def shown(path: Path) -> str:
    """Show the path of a file, without what a terminal would take for a command."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def quoted(value: object) -> str:
    """Show a value of the inventory safely: no control characters, never longer than a line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, list):
        return _shortened("[" + ", ".join(map(str, value)) + "]")
    if isinstance(value, dict):
        return _shortened("{" + ", ".join(map(str, value)) + "}")
    return _shortened(str(value))


def _shortened(text: str) -> str:
    if not text or not text.isprintable() or text != text.strip():
        text = ascii(text) if not text.isprintable() else repr(text)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
