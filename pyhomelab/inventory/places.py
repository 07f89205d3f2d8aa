"""From a path in the model to its place in a file."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyhomelab.errors import LocatedMistake, UnreadableInventory
from pyhomelab.text.source import Document, Node, cannot_be_read, read
from pyhomelab.text.wording import quoted, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyhomelab.errors import Mistake

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """The inventory as written, in one file or several: its data, and where each part of it stands."""

    documents: tuple[Document, ...]
    data: dict[str, Any]
    mistakes: tuple[LocatedMistake, ...]

    def locate(self, mistake: Mistake) -> LocatedMistake:
        """Give the mistake its file, line and column: of its path, or of the nearest part above that was written."""
        document = _document_of(self.documents, mistake.path)
        line, column, node = _place(document.root, mistake.path, of_key=not mistake.shows_value)
        value = quoted(node.plain()) if node is not None and mistake.shows_value else None
        path = dotted(mistake.path)
        return LocatedMistake(document.file, line, column, path, value, mistake.reason, mistake.hint)


def dotted(path: Sequence[str | int]) -> str:
    """Write a path as it is said: `hosts.dl1.zfs.tank.disks[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if part.isprintable() else f".{part!a}"
    return text.removeprefix(".") or "the inventory"


def read_source(inventory: Path) -> Source:
    """Read an inventory: a file, or a directory whose *.yaml files are its parts.

    Raises UnreadableInventory if there is none or if one of the files is not plain YAML.
    """
    return source_of(tuple(read(path, shown(path)) for path in inventory_files(inventory)))


def source_of(documents: tuple[Document, ...]) -> Source:
    """Put the parts of an inventory together; what stands in two of them is a mistake."""
    data: dict[str, Any] = {}
    mistakes = [mistake for document in documents for mistake in document.mistakes]
    owners: dict[tuple[str, ...], str] = {}
    for document in documents:
        for section, node in document.root.value.items():
            mistakes += _merge(data, section, node, document, owners)
    return Source(documents, data, tuple(mistakes))


def inventory_files(inventory: Path) -> list[Path]:
    """List the files of an inventory, sorted by name; raises UnreadableInventory if there are none."""
    try:
        is_directory = stat.S_ISDIR(inventory.stat().st_mode)
        names = sorted(os.listdir(inventory)) if is_directory else []  # noqa: PTH208 - glob hides what goes wrong
    except OSError as error:
        raise cannot_be_read(error, shown(inventory)) from None
    # an editor's lock (.#inventory.yaml) and .sops.yaml are no parts; a link that leads nowhere is one that is lost
    files = [inventory / name for name in names if name.endswith(".yaml") and not name.startswith(".")]
    if is_directory and not files:
        raise UnreadableInventory(
            "holds no *.yaml file",
            where=shown(inventory),
            hint="`pyhomelab init DIR` makes a lab to start from",
        )
    for file in files or [inventory]:
        if not file.name.isprintable():  # it is written into comments of Nix files
            hint = "rename it, with letters, digits, dots and hyphens"
            raise UnreadableInventory("has a name that cannot be shown", where=shown(file), hint=hint)
    return files or [inventory]


def _merge(
    data: dict[str, Any], section: str, node: Node, document: Document, owners: dict[tuple[str, ...], str]
) -> list[LocatedMistake]:
    mistakes: list[LocatedMistake] = []
    if node.value is None:
        return mistakes
    if section in data and not (isinstance(data[section], dict) and isinstance(node.value, dict) and section != "lab"):
        return [_twice(document, document.root, section, (section,), owners[section,])]
    owners.setdefault((section,), document.file)
    if not isinstance(node.value, dict):
        data[section] = node.plain()
        return []
    entries = data.setdefault(section, {})
    for name, entry in node.value.items():
        if name in entries:
            mistakes.append(_twice(document, node, name, (section, name), owners[section, name]))
            continue
        owners[section, name] = document.file
        entries[name] = entry.plain()
    return mistakes


def _twice(document: Document, parent: Node, key: str, path: KeyPath, first: str) -> LocatedMistake:
    line, column = parent.keys[key]
    return LocatedMistake(
        document.file, line, column, dotted(path), None, f"stands in {first} too", "keep one of the two"
    )


def place_of(source: Source, path: KeyPath) -> str:
    """Name the file that holds most of a path; the first one for what no file holds."""
    return _document_of(source.documents, path).file


def _document_of(documents: tuple[Document, ...], path: KeyPath) -> Document:
    """Find the file that holds most of the path; the first one for what no file holds."""
    return max(documents, key=lambda document: len(_nodes(document.root, path)))


def _nodes(root: Node, path: KeyPath) -> list[Node]:
    found: list[Node] = []
    for part in path:
        node = _child(found[-1] if found else root, part)
        if node is None:
            break
        found.append(node)
    return found


def _child(node: Node, part: str | int) -> Node | None:
    value = node.value
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        child: Node = value[part]
        return child
    return None


def _place(root: Node, path: KeyPath, *, of_key: bool) -> tuple[int, int, Node | None]:
    """Give line and column for a path, of its key or of its value, and its node if it was written.

    A mapping or a list begins where its key does, not at its first entry on the next line.
    """
    found = _nodes(root, path)
    depth = len(found)
    node = found[-1] if found else root
    written = node if depth == len(path) else None
    is_inner = written is None or isinstance(node.value, (dict, list))
    key = path[depth - 1] if depth else 0
    if isinstance(key, str) and (is_inner or of_key):
        parent = found[-2] if depth > 1 else root
        return *parent.keys[key], written
    return node.line, node.column, written
