"""Every failure that a person may see.

    HomelabError                 a failure with a way out
    ├── InventoryRefused         the inventory has mistakes; nothing was written
    ├── UnreadableInventory      the inventory could not be read at all
    ├── Refused                  what was asked for cannot be done safely; nothing was changed
    ├── Stale                    the generated files are not what the inventory says
    ├── HostFailed               one host failed, whatever the others do
    ├── SomeFailed               the command ended, but for some hosts not well
    ├── Unhealthy                all was done, but a check fails
    ├── NeedsAPerson             a host does not come back by itself
    └── Left                     somebody left before it was done

`exit_code` is what the program ends with: 1 a check failed, 2 usage, 3 refused before anything changed, 4 some hosts
failed, 5 a host needs a person or could not be verified, 130 left by Ctrl-C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


_MOST_SHOWN = 1000


class HomelabError(Exception):
    """A failure that a person can act on: what failed, where, and the way out."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        sentence = f"{self.where}: {self.what}" if self.where else self.what
        return f"{sentence}; {self.hint}" if self.hint else sentence


class UnreadableInventory(HomelabError):
    """The inventory could not be read: no such file, not UTF-8, not YAML, or built to exhaust the reader."""

    exit_code = 3


class Refused(HomelabError):
    """What was asked for cannot be done safely, and nothing was changed."""

    exit_code = 3


class Stale(HomelabError):
    """Generated files differ from what the inventory says."""

    exit_code = 1


class HostFailed(HomelabError):
    """One host failed at what it was asked, whatever the others do; `where` is its name."""

    exit_code = 4
    kind = "failed"
    """What became of the host, in two words for a table."""


class SomeFailed(HomelabError):
    """The command did its work, but for some hosts it failed; what was wrong with each has been said."""

    exit_code = 4


class Unhealthy(HomelabError):
    """The command did its work on every host, but a check fails."""

    exit_code = 1


class NeedsAPerson(HomelabError):
    """A host is in a state from which it does not come back by itself."""

    exit_code = 5


class Left(HomelabError):
    """Somebody left the work before it was done, by Ctrl-C; the code is what a shell gives a program so ended."""

    exit_code = 130


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in an inventory, at `path`, with the reason and the way out."""

    path: tuple[str | int, ...]
    reason: str
    hint: str
    shows_value: bool = True


@dataclass(frozen=True, slots=True)
class LocatedMistake:
    """A mistake with its place in a file; sorts by place, prints as one line."""

    file: str
    line: int
    column: int
    path: str
    value: str | None
    reason: str
    hint: str

    def __str__(self) -> str:
        shown = f"{self.value} " if self.value is not None else ""
        return f"{self.file}:{self.line}:{self.column}: {self.path}: {shown}{self.reason}; {self.hint}"


class InventoryRefused(HomelabError):
    """The inventory has mistakes: all of them, sorted by place."""

    exit_code = 3

    def __init__(self, mistakes: Sequence[LocatedMistake]) -> None:
        count = len(mistakes)
        super().__init__(f"the inventory has {count} mistake{'s' if count > 1 else ''}; nothing was written")
        self.mistakes = tuple(sorted(mistakes, key=lambda m: (m.file, m.line, m.column, m.path, m.reason)))

    def __str__(self) -> str:
        hidden = len(self.mistakes) - _MOST_SHOWN
        more = [f"and {hidden} more"] if hidden > 0 else []
        return "\n".join([*map(str, self.mistakes[:_MOST_SHOWN]), *more, self.what])
