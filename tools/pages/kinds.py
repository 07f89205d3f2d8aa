"""What a key of the inventory takes, in words, and one example of it."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pyhomelab.model.base import Between, Called, Model
from tools.pages.markdown import code
from tools.pages.yaml import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: `words`, an `example` where one says more than the words, the `part` of the inventory in it."""

    words: str
    example: Any = None
    part: type[Model] | None = None
    many: bool = False
    """Whether it holds several of its part, by name or in a list."""


def kind_of(field: FieldInfo) -> Kind:
    """Give the kind of value that a key takes."""
    kind = _kind(field.annotation, field.metadata)
    return Kind(kind.words, field.examples[0] if field.examples else kind.example, kind.part, kind.many)


def _kind(annotation: Any, metadata: Iterable[object] = ()) -> Kind:  # noqa: ANN401 - a type can be anything
    for mark in reversed(list(metadata)):
        if isinstance(mark, Called):
            return Kind(mark.kind, mark.example)
        if isinstance(mark, Between):
            return Kind(f"whole number from {mark.lowest} to {mark.highest}")
    if annotation is bool:
        return Kind(f"{code('true')} or {code('false')}")
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return Kind("", part=annotation)
    return _composed(get_origin(annotation), get_args(annotation), annotation)


def _composed(origin: object, inner: tuple[Any, ...], annotation: object) -> Kind:
    if origin is Annotated:
        return _kind(inner[0], inner[1:])
    if origin is Literal:
        *others, last = [code(on_one_line(word)) for word in inner]
        return Kind(f"{', '.join(others)} or {last}" if others else last)
    if origin in (Union, UnionType):
        (one,) = (member for member in inner if member is not NoneType)
        return _kind(one)
    if origin is tuple:
        return _list(_kind(inner[0]))
    if origin is dict:
        return _mapping(_kind(inner[0]), _kind(inner[1]))
    raise TypeError(f"the reference has no words for {annotation}; give the type a Called in pyhomelab/model")


def _list(entry: Kind) -> Kind:
    if entry.part:
        return Kind("list of", part=entry.part, many=True)
    example = None if entry.example is None else [entry.example]
    return Kind(f"list: {entry.words}", example)


def _mapping(key: Kind, value: Kind) -> Kind:
    if value.part:
        return Kind(f"by {key.words}:", part=value.part, many=True)
    return Kind(f"by {key.words}: {value.words}", {key.example: value.example})
