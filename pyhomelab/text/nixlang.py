"""Python values → Nix text, laid out as nixfmt lays it out. The one place that quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH = 100
_STEP = "  "
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*")
_KEYWORDS = frozenset({"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"})
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


@dataclass(frozen=True, slots=True)
class Path:
    """A path relative to the file that holds it, such as `./extra.nix`. Made by us, never from the inventory's text."""

    text: str


Value: TypeAlias = str | int | bool | Path | list[Any] | dict[str, Any] | None


def string(text: str) -> str:
    """Quote a text so that Nix reads exactly that text; `${` never interpolates.

    Raises ValueError for NUL, which no Nix string can hold.
    """
    if "\0" in text:
        raise ValueError("a Nix string cannot hold NUL")
    return f'"{text.translate(_ESCAPES).replace("${", chr(92) + "${")}"'


def attribute(name: str) -> str:
    """Write an attribute's name, quoted only where it must be."""
    return name if _IDENTIFIER.fullmatch(name) and name not in _KEYWORDS else string(name)


def expression(value: Value, indent: str = "") -> str:
    """Write a value as a Nix expression whose further lines are indented by `indent`."""
    if isinstance(value, str):
        return string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value) if value >= 0 else f"(-{-value})"
    if isinstance(value, Path):
        return value.text
    if isinstance(value, dict):
        return _attribute_set(value, indent)
    return _list(value, indent)


def bindings(attributes: Mapping[str, Value], indent: str = "") -> list[str]:
    """Write `name = value;` for each attribute; a chain of sets with one attribute each becomes `a.b.c = value;`."""
    return [_binding(name, value, indent) for name, value in attributes.items()]


def _binding(name: str, value: Value, indent: str) -> str:
    path = [attribute(name)]
    while isinstance(value, dict) and len(value) == 1:
        ((name, value),) = value.items()
        path.append(attribute(name))
    left = f"{indent}{'.'.join(path)} ="
    text = expression(value, indent)
    if isinstance(value, list) and "\n" not in text and len(left) + len(text) + len(" ;") > WIDTH:
        text = _expanded_list(value, indent)
    return f"{left} {text};"


def _attribute_set(attributes: Mapping[str, Value], indent: str) -> str:
    if not attributes:
        return "{ }"
    lines = bindings(attributes, indent + _STEP)
    return "\n".join(["{", *lines, f"{indent}}}"])


def _list(items: Sequence[Value], indent: str) -> str:
    if not items:
        return "[ ]"
    if len(items) == 1 and not isinstance(items[0], (dict, list)):
        return f"[ {expression(items[0])} ]"
    return _expanded_list(items, indent)


def _expanded_list(items: Sequence[Value], indent: str) -> str:
    inner = indent + _STEP
    return "\n".join(["[", *(inner + expression(item, inner) for item in items), f"{indent}]"])
