"""The little Markdown that the reference pages need: tables, code, headings that can be linked to."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDTH = 120


def code(text: str) -> str:
    """Show `text` as it is, within a sentence."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def block(language: str, text: str) -> str:
    """Show `text` as it is, on lines of its own."""
    return f"```{language}\n{text.rstrip()}\n```"


def prose(text: str) -> str:
    """Fill the lines of each paragraph; lists and indented lines stay as they are."""
    return "\n\n".join(_filled(paragraph) for paragraph in re.split(r"\n\s*\n", text.strip()))


def _filled(paragraph: str) -> str:
    if re.match(r"\s*(?:[-*] |```|    )", paragraph):
        return paragraph
    return textwrap.fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Show rows of cells under `head`; a cell may hold any text that fits on a line."""
    lines = [head, ["---"] * len(head), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def plain(text: str) -> str:
    """Keep what Markdown would read as more than words in `text`; what stands between backticks is code already."""
    parts = text.split("`")
    return "`".join(part if index % 2 else re.sub(r"([<*])", r"\\\1", part) for index, part in enumerate(parts))


def anchor(heading: str) -> str:
    """Name the place of a heading in a link, as GitHub does."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def link(text: str, heading: str) -> str:
    """Lead to a heading of the same page."""
    return f"[{text}](#{anchor(heading)})"


def page(*parts: str) -> str:
    """Join the parts of a page, an empty line between two."""
    return "\n\n".join(part for part in parts if part) + "\n"
