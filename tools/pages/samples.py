"""One place of the repository's own inventories for each part: the one that uses most of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from tools.pages.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pyhomelab.model.base import Model

Found = tuple["type[Model]", tuple[str, ...], dict[str, Any]]


def samples(inventory: type[Model], files: Iterable[Path]) -> dict[type[Model], dict[str, Any]]:
    """Give for each part an excerpt: the keys that lead to it and its own, without those of the parts within it."""
    best: dict[type[Model], tuple[tuple[str, ...], dict[str, Any]]] = {}
    for file in files:
        for model, place, own in _walked(inventory, (), YAML(typ="safe", pure=True).load(file.read_text())):
            if len(own) > len(best.get(model, ((), {}))[1]):
                best[model] = (place, own)
    return {model: _nested(place, own) for model, (place, own) in best.items()}


def _walked(model: type[Model], place: tuple[str, ...], data: dict[str, Any]) -> Iterator[Found]:
    kinds = {name: kind_of(field) for name, field in model.model_fields.items()}
    yield model, place, {name: value for name, value in data.items() if not kinds[name].part}
    for name, value in data.items():
        part = kinds[name].part
        if part and kinds[name].many and isinstance(value, dict):
            for key, one in value.items():
                yield from _walked(part, (*place, name, key), one or {})
        elif part and isinstance(value, list):
            for one in value:
                yield from _walked(part, (*place, name, "[]"), one)
        elif part:
            yield from _walked(part, (*place, name), value or {})


def _nested(place: tuple[str, ...], own: dict[str, Any]) -> dict[str, Any]:
    inner: Any = own
    for key in reversed(place):
        inner = [inner] if key == "[]" else {key: inner}
    found: dict[str, Any] = inner
    return found
