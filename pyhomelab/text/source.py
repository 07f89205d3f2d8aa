"""YAML text → plain data that remembers where every part stands.

The text comes from outside, so it is read event by event with limits on size and depth, without anchors and aliases
(the raw material of YAML bombs), without tags, and with duplicate keys refused. Plain scalars stay text except `null`,
`true` and `false` (YAML 1.2): `1.30` stays `1.30`, and the model decides what it means.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from pyhomelab.errors import LocatedMistake, UnreadableInventory
from pyhomelab.text.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_FILE = 8 << 20
DEEPEST_NESTING = 32
MOST_PARTS = 400_000
LONGEST_KEY = 1024
NO_VALUE = "has no value"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PARSE_HINTS = {
    "tab": "indent with spaces, not tabs",
    "unexpected ':'": "put a text that holds a colon in quotes",
}
_EMPTY = object()
_PLAIN: dict[str, object] = {"": _EMPTY, "~": None, "null": None, "true": True, "false": False}


@dataclass(slots=True)
class Node:
    """One part of a document: its value (a scalar, a dict or a list of nodes) and the place where it begins, from 1."""

    value: Any
    line: int
    column: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)

    def plain(self) -> Any:  # noqa: ANN401 - YAML holds anything
        """Give the data without the places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: its top-level sections and the mistakes that reading alone shows."""

    file: str
    root: Node
    mistakes: tuple[LocatedMistake, ...]


def read(path: Path, shown_as: str) -> Document:
    """Read one YAML file; raises UnreadableInventory with the place for anything that is not plain, bounded YAML."""
    try:
        text = _bytes(path, shown_as).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableInventory(
            f"is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}",
            where=shown_as,
            hint="save it as UTF-8",
        ) from None
    except OSError as error:
        raise cannot_be_read(error, shown_as) from None
    return parse(text, shown_as)


def _bytes(path: Path, shown_as: str) -> bytes:
    """Read a whole file, but not one that never ends (a device) or lets its reader wait (a pipe)."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise UnreadableInventory("is not a file", where=shown_as, hint="name a file, or a directory of *.yaml files")
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        hint = "split the lab over several files"
        raise UnreadableInventory(f"is larger than {LARGEST_FILE >> 20} MiB", where=shown_as, hint=hint)
    return content


def cannot_be_read(error: OSError, shown_as: str) -> UnreadableInventory:
    """Give the failure that says why the system did not let us read something."""
    is_missing = isinstance(error, FileNotFoundError)
    hint = (
        "`pyhomelab init DIR` makes a lab to start from" if is_missing else "name a file or directory that you may read"
    )
    return UnreadableInventory(f"cannot be read: {(error.strerror or str(error)).lower()}", where=shown_as, hint=hint)


def parse(text: str, shown_as: str) -> Document:
    """Parse YAML text; raises UnreadableInventory with line and column where the text is not YAML that we take."""
    _refuse_control_characters(text, shown_as)
    reader = _Reader(shown_as)
    try:
        for event in _events(text):
            reader.take(event)
    except YAMLError as error:
        raise _unreadable(error, text, shown_as) from None
    root = reader.root or Node({}, 1, 1)
    if not isinstance(root.value, dict):
        raise UnreadableInventory(
            "is not a mapping of sections",
            where=f"{shown_as}:{root.line}:{root.column}",
            hint="begin with `lab:`, `networks:` and `hosts:`",
        )
    return Document(shown_as, root, tuple(reader.mistakes))


def _refuse_control_characters(text: str, shown_as: str) -> None:
    # The parser refuses them too, but cannot say where they are.
    found = _CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        raise UnreadableInventory(
            f"holds the control character 0x{ord(found[0]):02x}",
            where=f"{shown_as}:{line}:{column}",
            hint="remove it",
        )


def _events(text: str) -> Iterator[Any]:
    # The C parser hands out events one by one, so that the limits below hold before anything large is built.
    return YAML(typ="safe").parse(text)  # type: ignore[no-any-return]


def _unreadable(error: YAMLError, text: str, shown_as: str) -> UnreadableInventory:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed")
    where = f"{shown_as}:{mark.line + 1}:{mark.column + 1}" if mark else shown_as
    if mark and "\t" in "".join(text.splitlines()[mark.line : mark.line + 1])[: mark.column + 1]:
        problem += " (a tab)"
    hint = next(
        (hint for word, hint in _PARSE_HINTS.items() if word in problem),
        "check the indentation and quotes here",
    )
    return UnreadableInventory(f"is not YAML: {problem}", where=where, hint=hint)


class _Reader:
    """Builds the tree from events, without recursion, so that depth costs nothing before it is refused."""

    def __init__(self, shown_as: str) -> None:
        self.file = shown_as
        self.root: Node | None = None
        self.mistakes: list[LocatedMistake] = []
        self._open: list[Node] = []
        self._key: list[Node | None] = []
        self._path: list[str] = []
        self._name = ""
        self._documents = 0
        self._parts = 0

    def take(self, event: Any) -> None:  # noqa: ANN401 - ruamel's events have no common typed base
        """Take one event of the parser."""
        if isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            self._open.pop()
            self._key.pop()
            self._path.pop()
        elif isinstance(event, AliasEvent):
            self._refuse(
                event,
                f"*{event.anchor} is an alias",
                "write the value out; anchors and aliases are not taken",
            )
        elif isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._refuse(event, "a second document begins here", "split the lab over several files instead")
        elif isinstance(event, (ScalarEvent, MappingStartEvent, SequenceStartEvent)):
            self._add(event)

    def _add(self, event: Any) -> None:  # noqa: ANN401
        if event.anchor is not None:
            self._refuse(
                event,
                f"&{event.anchor} is an anchor",
                "write the value out; anchors and aliases are not taken",
            )
        if event.tag is not None and not (isinstance(event, ScalarEvent) and event.tag == "!"):
            self._refuse(event, f"{quoted(event.tag)} is a tag", "write the plain value")
        self._parts += 1
        if self._parts > MOST_PARTS:
            self._refuse(event, f"is the {MOST_PARTS + 1}st part of this file", "split the lab over several files")
        mark = event.start_mark
        if isinstance(event, ScalarEvent):
            self._place(Node(self._scalar(event), mark.line + 1, mark.column + 1))
            return
        node = Node({} if isinstance(event, MappingStartEvent) else [], mark.line + 1, mark.column + 1)
        self._place(node)
        self._open.append(node)
        self._key.append(None)
        self._path.append(self._name)
        if len(self._open) > DEEPEST_NESTING:
            self._refuse(
                event,
                f"is nested deeper than {DEEPEST_NESTING} levels",
                "no key of an inventory lies that deep",
            )

    def _scalar(self, event: Any) -> object:  # noqa: ANN401
        is_plain = event.style is None or event.style == ""
        return _PLAIN.get(event.value, event.value) if is_plain else event.value

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = self.root or node
            self._name = ""
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            self._name = f"[{len(parent.value)}]"
            self._fill(node, (node.line, node.column))
            parent.value.append(node)
        elif self._key[-1] is None:
            self._key[-1] = self._checked_key(node)
        else:
            key = self._key[-1]
            self._key[-1] = None
            self._bind(parent, key, node)

    def _checked_key(self, node: Node) -> Node:
        if isinstance(node.value, bool) or node.value is None:
            node.value = quoted(node.value)
        if node.value is _EMPTY:
            node.value = ""
        if not isinstance(node.value, str) or len(node.value) > LONGEST_KEY:
            what = "more than a word" if isinstance(node.value, str) else "a list or a mapping"
            raise UnreadableInventory(
                f"{what} stands where a key should be",
                where=f"{self.file}:{node.line}:{node.column}",
                hint="a key is a plain word",
            )
        return node

    def _bind(self, parent: Node, key: Node, node: Node) -> None:
        name = key.value
        self._name = f".{name}" if name.isprintable() else f".{name!a}"
        if name in parent.value:
            line, _ = parent.keys[name]
            self._mistake(
                key.line, key.column, f"stands here a second time, after line {line}", "remove one of the two"
            )
            return
        self._fill(node, (key.line, key.column))
        parent.value[name] = node
        parent.keys[name] = (key.line, key.column)

    def _fill(self, node: Node, place: tuple[int, int]) -> None:
        """Refuse a part without a value, except a section whose entries are all commented out."""
        if node.value is _EMPTY:
            node.value = None
            if len(self._open) > 1:
                self._mistake(*place, NO_VALUE, "write one, `{}` for an empty mapping, or remove the key")

    def _mistake(self, line: int, column: int, reason: str, hint: str) -> None:
        path = "".join([*self._path, self._name]).removeprefix(".")
        self.mistakes.append(LocatedMistake(self.file, line, column, path, None, reason, hint))

    def _refuse(self, event: Any, what: str, hint: str) -> None:  # noqa: ANN401
        mark = event.start_mark
        raise UnreadableInventory(what, where=f"{self.file}:{mark.line + 1}:{mark.column + 1}", hint=hint)
