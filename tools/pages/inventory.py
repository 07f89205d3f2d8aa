"""docs/inventory.md: every key of the inventory, from the model that reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyhomelab.inventory.schema import json_schema
from tools.pages.kinds import Kind, kind_of
from tools.pages.markdown import anchor, block, code, page, plain, prose, table
from tools.pages.samples import samples
from tools.pages.yaml import in_lines, on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pyhomelab.model.base import Model

_INTRODUCTION = """
The inventory is `hosts/inventory.yaml`, or all `*.yaml` files of `hosts` together: a section may stand in any one of
them. `pyhomelab check` names every mistake with file, line, column and way out. An editor that knows YAML schemas
explains and completes the keys when a file begins with the line that names
[the schema](../hosts/inventory.schema.json). [The inventory of this repository](../hosts/inventory.yaml) is a complete
example, and there are [more](../hosts/examples); what is shown here are excerpts of them, without the parts that have
a section of their own.

A key in **bold** has to be there. The others may be left out; where no default is named (—), nothing is set then, or
the text says what follows. Sizes are numbers with `MiB`, `GiB` or `TiB`, durations are numbers with `s`, `m` or `h`.
What looks like a number and is none, such as a release or a kernel series, is written in quotes. Where a text names a
secret, it is one that `pyhomelab secret generate` makes: the inventory holds none.
"""
_NOTHING = "—"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the inventory, and where it stands; `places[0]` names it."""

    model: type[Model]
    places: tuple[str, ...]

    @property
    def heading(self) -> str:
        """What the section of the part is called."""
        return code(self.places[0])


def parts_of(inventory: type[Model]) -> list[Part]:
    """Give all parts of the inventory in the order of its keys, each one once, with all places where it can stand."""
    places: dict[type[Model], list[str]] = {}
    for model, place in _walked(inventory, ""):
        places.setdefault(model, []).append(place)
    return [Part(model, tuple(found)) for model, found in places.items()]


def _walked(model: type[Model], place: str) -> Iterator[tuple[type[Model], str]]:
    for name, field in model.model_fields.items():
        kind = kind_of(field)
        if kind.part:
            deeper = f"{place}.{name}".lstrip(".") + _entry(kind)
            yield kind.part, deeper
            yield from _walked(kind.part, deeper)


def _entry(kind: Kind) -> str:
    if not kind.many:
        return ""
    return "[]" if kind.words == "list of" else ".<name>"


def inventory_page(inventory: type[Model], files: Iterable[Path]) -> str:
    """Render the page of all parts of the inventory and their keys, with excerpts of the inventories in `files`."""
    parts = parts_of(inventory)
    headings = {part.model: part.heading for part in parts}
    schema = json_schema()
    excerpts = samples(inventory, files)
    return page(
        "# The inventory",
        "<!-- Rendered by `tools/reference --write` from pyhomelab/model; edit the descriptions there. -->",
        prose(_INTRODUCTION),
        "## Sections",
        _keys(inventory, schema, headings),
        *(
            page(
                *_head(part, schema["$defs"][part.model.__name__]["description"]),
                block("yaml", in_lines(excerpts[part.model])) if part.model in excerpts else "",
                _keys(part.model, schema["$defs"][part.model.__name__], headings),
            ).rstrip()
            for part in parts
        ),
    )


def _head(part: Part, description: str) -> list[str]:
    level = "##" if re.fullmatch(r"\w+(\.<name>)?", part.places[0]) else "###"
    also = ", ".join(code(place) for place in part.places[1:])
    return [f"{level} {part.heading}", prose(plain(description)), prose(f"Likewise: {also}.") if also else ""]


def _keys(model: type[Model], schema: Mapping[str, Any], headings: Mapping[type[Model], str]) -> str:
    rows = []
    for name, field in model.model_fields.items():
        described = schema["properties"][name]
        key = f"**{code(name)}**" if field.is_required() else code(name)
        default = "needed" if field.is_required() else _default(described.get("default"))
        rows.append([key, _value(kind_of(field), headings), default, plain(described["description"])])
    return table(["key", "takes", "default", "means"], rows)


def _value(kind: Kind, headings: Mapping[type[Model], str]) -> str:
    if kind.part:
        return f"{kind.words} [these keys](#{anchor(headings[kind.part])})".strip()
    return kind.words if kind.example is None else f"{kind.words}, such as {code(on_one_line(kind.example))}"


def _default(value: object) -> str:
    """Show a default; one that is a part of its own has its defaults in its section."""
    return _NOTHING if value in (None, [], {}) or isinstance(value, dict) else code(on_one_line(value))
