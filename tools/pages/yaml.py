"""Values as a person writes them into the inventory."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterable

_FITS = 80


def on_one_line(value: object) -> str:
    """Write a value in YAML's flow style."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = True
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # the untyped library says None
    writer.width = 10_000
    text = StringIO()
    writer.dump(value, text)
    said = text.getvalue().removesuffix("...\n").rstrip()
    # A person reaches for the double quotes, where they mean the same.
    return said if any(sign in said for sign in ('"', "\\", "''")) else said.replace("'", '"')


def in_lines(value: dict[str, Any]) -> str:
    """Write nested mappings, each key on a line of its own; what is flat and short stays on its key's line."""
    return "\n".join(_lines(value))


def _lines(value: Any) -> Iterable[str]:  # noqa: ANN401 - a value of the inventory
    if isinstance(value, dict):
        for key, inner in value.items():
            if _is_flat(inner):
                yield f"{on_one_line(key)}: {on_one_line(inner)}"
            else:
                yield f"{on_one_line(key)}:"
                yield from (f"  {line}" for line in _lines(inner))
        return
    for entry in value:
        first, *others = [on_one_line(entry)] if _is_flat(entry) else _lines(entry)
        yield from (f"- {first}", *(f"  {line}" for line in others))


def _is_flat(value: object) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return len(on_one_line(value)) <= _FITS and not any(isinstance(one, dict) for one in inner)
