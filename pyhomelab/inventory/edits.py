"""Changing an inventory's text: a value put in or taken out, and everything else byte for byte as it was.

ruamel.yaml says where every part begins and ends; what is between stays, with its comments, order and alignment.
Whatever an edit makes is read again and compared with what it was to become, so a layout that was not foreseen is
refused instead of spoiled.
"""

from __future__ import annotations

import copy
import io
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import CollectionNode, MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from pyhomelab.errors import Refused, UnreadableInventory
from pyhomelab.inventory.places import KeyPath, dotted
from pyhomelab.text.source import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ruamel.yaml.nodes import Node

_STEP = 2  # columns that an entry stands further right than its parent, where no neighbour shows how many
_WIDEST = 4096  # nothing is wrapped
_LINE = 80  # a longer list or mapping gets a line for each of its parts


@dataclass(frozen=True, slots=True)
class _Entry:
    """A part of a collection: where its key or dash begins, where what belongs to that ends, and its value."""

    name: str | int
    start: int
    head: int
    value: Node


def with_value(text: str, path: KeyPath, value: object) -> str:
    """Give the text with `value` (plain data) at `path`, replacing what is there; new entries come last.

    Keys that lead there are added. The number after a list's last item appends to it. Raises UnreadableInventory if
    the text is none, and Refused if it is laid out in a way that cannot be changed without touching more.
    """
    wanted = _with(parse(text, "").root.plain(), path, value)
    return _verified(_put(_Text(text), path, value), wanted, path)


def without(text: str, path: KeyPath) -> str:
    """Give the text without the entry or item at `path`, and without the comment lines directly above it.

    What would be left empty becomes `{}` or `[]`. Raises KeyError if there is no such part, and as `with_value` does.
    """
    wanted = _without(parse(text, "").root.plain(), path)
    return _verified(_take(_Text(text), path), wanted, path)


def _verified(text: str, wanted: object, path: KeyPath) -> str:
    try:
        is_as_wanted = parse(text, "").root.plain() == wanted
    except UnreadableInventory:
        is_as_wanted = False
    if not is_as_wanted:
        raise Refused("cannot be changed without touching more", where=dotted(path), hint="change it by hand")
    return text


def _with(data: Any, path: KeyPath, value: object) -> object:  # noqa: ANN401 - YAML holds anything
    if not path:
        return _as_text(value)
    part, rest = path[0], path[1:]
    if isinstance(part, int):
        items = list(data or ())
        items[part : part + 1] = [_with(items[part] if part < len(items) else None, rest, value)]
        return items
    entries = dict(data or {})
    return entries | {part: _with(entries.get(part), rest, value)}


def _without(data: Any, path: KeyPath) -> object:  # noqa: ANN401 - YAML holds anything
    left = copy.deepcopy(data)
    parent = left
    try:
        for part in path[:-1]:
            parent = parent[part]
        del parent[path[-1]]
    except (IndexError, TypeError):
        raise KeyError(path[-1]) from None
    return left


def _as_text(value: object) -> object:
    """Give a value as the inventory's reader does: numbers are text."""
    if isinstance(value, dict):
        return {key: _as_text(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_text(part) for part in value]
    return value if value is None or isinstance(value, bool) else str(value)


class _Text:
    """A text with the tree of its parts."""

    def __init__(self, text: str) -> None:
        self.text = text if text.endswith("\n") or not text else f"{text}\n"
        self.root: Node | None = YAML(typ="safe", pure=True).compose(self.text)

    def chain(self, path: KeyPath) -> list[tuple[CollectionNode, _Entry]]:
        """Give the entries that lead to `path`, as far as they are there, each with the collection it is in."""
        found: list[tuple[CollectionNode, _Entry]] = []
        node = self.root
        for part in path:
            entry = next((entry for entry in _entries(node, self.text) if entry.name == part), None)
            if not isinstance(node, CollectionNode) or entry is None:
                break
            found.append((node, entry))
            node = entry.value
        return found

    def line_start(self, index: int) -> int:
        """Give where the line of `index` begins."""
        return self.text.rfind("\n", 0, index) + 1

    def line_end(self, index: int) -> int:
        """Give where the line after that of `index` begins."""
        return self.text.index("\n", index) + 1

    def column(self, index: int) -> int:
        """Give how far right in its line `index` is."""
        return index - self.line_start(index)

    def spliced(self, start: int, end: int, new: str) -> str:
        """Give the text with a part exchanged."""
        return self.text[:start] + new + self.text[end:]


def _entries(node: Node | None, text: str) -> Sequence[_Entry]:
    if isinstance(node, MappingNode):
        heads = ((key, text.index(":", key.end_mark.index) + 1, value) for key, value in node.value)
        return [_Entry(key.value, key.start_mark.index, head, value) for key, head, value in heads]
    if not isinstance(node, SequenceNode):
        return []
    items = ((item.start_mark.index, item) for item in node.value)
    if node.flow_style:
        return [_Entry(number, start, start, item) for number, (start, item) in enumerate(items)]
    dashes = ((text.rindex("-", 0, start), item) for start, item in items)
    return [_Entry(number, dash, dash + 1, item) for number, (dash, item) in enumerate(dashes)]


def _begin(entry: _Entry) -> int:
    return entry.head if _is_nothing(entry.value) else int(entry.value.start_mark.index)


def _end(entry: _Entry, text: str) -> int:
    """Give where an entry ends; a block ends with its last leaf, not with the comments behind it."""
    if _is_nothing(entry.value):
        return entry.head
    if not isinstance(entry.value, CollectionNode) or entry.value.flow_style:
        return int(entry.value.end_mark.index)
    return _end(_entries(entry.value, text)[-1], text)


def _is_nothing(node: Node) -> bool:
    # The parser puts a value that is not there behind the comments that follow its key.
    return isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index


def _put(text: _Text, path: KeyPath, value: object) -> str:
    chain = text.chain(path)
    if len(chain) == len(path):
        return _exchanged(text, *chain[-1], value)
    parent = chain[-1][1].value if chain else text.root
    for part in reversed(path[len(chain) + 1 :]):
        value = [value] if isinstance(part, int) else {part: value}
    name = path[len(chain)]
    if parent is None:
        return text.text + _block(name, value, 0)
    if not isinstance(parent, (MappingNode, SequenceNode)) or not parent.value:
        return _exchanged(text, *chain[-1], [value] if isinstance(name, int) else {name: value})
    if parent.flow_style:
        end = _end(_entries(parent, text.text)[-1], text.text)
        return text.spliced(end, end, f", {_flow_entry(name, value)}")
    entries = _entries(parent, text.text)
    end = _line_after(text, entries[-1])
    gap = "\n" if _stand_apart(text, entries) else ""
    return text.spliced(end, end, gap + _block(name, value, text.column(entries[0].start)))


def _stand_apart(text: _Text, entries: Sequence[_Entry]) -> bool:
    """Say whether there is a blank line between the last two entries."""
    if len(entries) == 1:
        return False
    start = _with_remarks(text, entries[-1].start)
    return not text.text[text.line_start(start - 1) : start].strip()


def _line_after(text: _Text, entry: _Entry) -> int:
    """Give where the next line begins after an entry; a literal text ends there already."""
    end = _end(entry, text.text)
    return end if text.text[end - 1] == "\n" else text.line_end(end)


def _exchanged(text: _Text, parent: CollectionNode, entry: _Entry, value: object) -> str:
    start, end = _begin(entry), _end(entry, text.text)
    if parent.flow_style or isinstance(entry.name, int) or not (isinstance(value, (dict, list)) and value):
        gap = "" if text.text[start - 1] in " [{\n" else " "
        return text.spliced(start, end, gap + _flow(value))
    indent, after = text.column(entry.start), _line_after(text, entry)
    if "\n" not in text.text[entry.head : end]:  # what stands behind the value stays behind the key
        remark = text.text[end:after].rstrip()
        return text.spliced(entry.head, after, f"{remark}\n{_lines(value, indent + _STEP)}")
    return text.spliced(entry.start, after, _block(entry.name, value, indent).lstrip(" "))


def _take(text: _Text, path: KeyPath) -> str:
    chain = text.chain(path)
    parent, entry = chain[-1]
    entries = list(_entries(parent, text.text))
    if len(entries) == 1:
        return _emptied(text, parent, entry, chain[-2][1].head if len(chain) > 1 else None)
    place = entries.index(entry)
    if parent.flow_style or text.text[text.line_start(entry.start) : entry.start].strip():
        if place + 1 < len(entries):
            return text.spliced(entry.start, entries[place + 1].start, "")
        return text.spliced(_end(entries[place - 1], text.text), _end(entry, text.text), "")
    start, end = _with_remarks(text, entry.start), _line_after(text, entry)
    before = text.text[text.line_start(max(start - 1, 0)) : start]
    if not before.strip() or not place:  # of the blank lines on both sides, one is enough
        while end < len(text.text) and not text.text[end : text.line_end(end)].strip():
            end = text.line_end(end)
    return text.spliced(start, end, "")


def _with_remarks(text: _Text, start: int) -> int:
    """Give where the comment lines begin that stand directly above an entry, as far right as it."""
    line = text.line_start(start)
    remark = " " * (start - line) + "#"
    while line and text.text.startswith(remark, above := text.line_start(line - 1)):
        line = above
    return line


def _emptied(text: _Text, node: CollectionNode, entry: _Entry, head: int | None) -> str:
    """Write the sign for nothing where a collection was; `head` is where the key or dash that it belongs to ends."""
    if head is None:
        return text.spliced(_with_remarks(text, entry.start), _line_after(text, entry), "")
    empty = "{}" if isinstance(node, MappingNode) else "[]"
    if node.flow_style or "\n" not in text.text[head : entry.start]:
        return text.spliced(
            node.start_mark.index, node.end_mark.index if node.flow_style else _end(entry, text.text), empty
        )
    between = text.text[head : _with_remarks(text, entry.start)].rstrip()
    return text.spliced(head, _line_after(text, entry), f" {empty}{between}\n")


def _block(name: str | int, value: object, indent: int) -> str:
    """Write an entry as lines of its own, `indent` columns from the left."""
    return _lines([value] if isinstance(name, int) else {name: value}, indent)


def _lines(value: object, indent: int) -> str:
    return "".join(f"{' ' * indent}{line}\n" for line in _dumped(value, flow=False).splitlines())


def _flow_entry(name: str | int, value: object) -> str:
    return _flow([value] if isinstance(name, int) else {name: value})[1:-1]


def _flow(value: object) -> str:
    """Write a value in one line."""
    if isinstance(value, (dict, list)):
        return _dumped(value, flow=True).strip()
    return _flow([value])[1:-1]


def _dumped(value: object, *, flow: bool) -> str:
    yaml = YAML()
    yaml.width = _WIDEST
    yaml.indent(mapping=_STEP, sequence=_STEP + 2, offset=_STEP)
    stream = io.StringIO()
    yaml.dump(_styled(value, flow=flow), stream)
    return textwrap.dedent(stream.getvalue())


def _styled(value: object, *, flow: bool, is_inner: bool = False) -> object:
    """Give a value as ruamel.yaml's own collections, inner ones of a few words in one line."""
    if not isinstance(value, (dict, list, tuple)):
        # ruamel.yaml leaves `a:b` as it is, which not every reader takes for a text inside braces
        return DoubleQuotedScalarString(value) if flow and isinstance(value, str) and ":" in value else value
    parts = value.values() if isinstance(value, dict) else value
    holds_words = not any(isinstance(part, (dict, list, tuple)) and part for part in parts)
    is_line = flow or not value or (is_inner and holds_words and len(str(value)) <= _LINE)
    styled: CommentedMap | CommentedSeq
    if isinstance(value, dict):
        styled = CommentedMap((key, _styled(part, flow=is_line, is_inner=True)) for key, part in value.items())
    else:
        styled = CommentedSeq(_styled(part, flow=is_line, is_inner=True) for part in value)
    if is_line:
        styled.fa.set_flow_style()
    return styled
