"""pydantic's errors → sentences in the words of the inventory."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel

from pyhomelab.errors import Mistake
from pyhomelab.model import Inventory
from pyhomelab.text.wording import listed, near_miss

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SECRET = re.compile("passw|passphrase|secret|token|private|credential|(?:^|_)key$")
_MOST_LOOKUPS = 1000  # of unknown keys: each costs a comparison with all known ones
_NO_MAPPING = frozenset({"dict_type", "model_type", "model_attributes_type"})
_OF_A_SECRET = 2  # parts of the path `secrets.<name>`
_WORDS = {
    "dict_type": ("is not a mapping", "write keys and values, each pair on a line of its own"),
    "model_type": ("is not a mapping", "write keys and values, each pair on a line of its own"),
    "model_attributes_type": ("is not a mapping", "write keys and values, each pair on a line of its own"),
    "tuple_type": ("is not a list", "write it like [a, b], or one item a line after a hyphen"),
    "bool_type": ("is not true or false", "write true or false"),
    "bool_parsing": ("is not true or false", "write true or false"),
    "string_type": ("is not text", "put it in quotes"),
    "too_short": ("is empty", "name at least one"),
}


def complaints(details: list[ErrorDetails]) -> list[Mistake]:
    """Say what pydantic found wrong, where, and what to write instead."""
    places = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    # pydantic also counts a list as empty whose items it refused
    real = [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in places]
    return [_complaint(detail, is_late=index > _MOST_LOOKUPS) for index, detail in enumerate(real)]


def _complaint(detail: ErrorDetails, *, is_late: bool) -> Mistake:
    # `[key]` is what pydantic appends to the path of a bad key
    path = tuple(part for part in detail["loc"] if part != "[key]")
    said = _said(path, detail, is_late=is_late)
    # where a name of a secret stands, its value may have been written by mistake
    return replace(said, shows_value=False) if path[:1] == ("secrets",) else said


def _said(path: tuple[str | int, ...], detail: ErrorDetails, *, is_late: bool) -> Mistake:
    kind, context = detail["type"], detail.get("ctx", {})
    if path[:1] == ("secrets",) and len(path) == _OF_A_SECRET and kind in _NO_MAPPING:
        hint = "write `machines:` with those who read it; `pyhomelab secret set` takes the value, never the inventory"
        return Mistake(path, "is not a mapping", hint)
    if kind == "extra_forbidden":
        return _unknown_key(path, is_late=is_late)
    if kind == "missing":
        return _missing_key(path)
    if kind == "mistake":
        return Mistake(path, context["reason"], context["hint"], shows_value=not _bad_key(detail))
    if kind == "literal_error":
        return _not_a_choice(path, detail)
    if kind in _NO_MAPPING and detail["input"] is True:
        return Mistake(path, "is not a mapping", "write `{}` to take what is usual, or keys and values below it")
    reason, hint = _WORDS.get(kind, (detail["msg"].lower(), "see `pyhomelab schema`"))
    return Mistake(path, reason, hint)


def _bad_key(detail: ErrorDetails) -> bool:
    return detail["loc"][-1] == "[key]"


def _unknown_key(path: tuple[str | int, ...], *, is_late: bool) -> Mistake:
    known, key = list(_fields(path[:-1])), str(path[-1])
    if key not in known and _SECRET.search(key.lower()):
        is_own = path[0] == "secrets"
        way_out = "give it to `pyhomelab secret set`" if is_own else "make it with `pyhomelab secret generate`"
        return Mistake(
            path,
            "looks like a secret, and no secret may stand in the inventory",
            f"remove it and {way_out}; it then lies encrypted under secrets/",
            shows_value=False,
        )
    hint = f"there are {listed(sorted(known))}" if is_late and known else near_miss(key, known, kind="key")
    return Mistake(path, "is not a key that exists here", hint, shows_value=False)


def _missing_key(path: tuple[str | int, ...]) -> Mistake:
    field = _fields(path[:-1]).get(str(path[-1]))
    described = f" ({field.description.rstrip('.')})" if field is not None and field.description else ""
    return Mistake(path[:-1], f"lacks the key {path[-1]}", f"add `{path[-1]}:`{described}", shows_value=False)


def _not_a_choice(path: tuple[str | int, ...], detail: ErrorDetails) -> Mistake:
    choices = re.findall("'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
    close = near_miss(str(detail["input"]), choices, kind="choice")
    hint = close if close.startswith("did") else f"write {listed(choices, last='or')}"
    return Mistake(path, "is not a choice here", hint)


def _fields(path: tuple[str | int, ...]) -> dict[str, Any]:
    """Give the fields of the model that stands at a path of the inventory."""
    kind: Any = Inventory
    for part in path:
        kind = _below(kind, part)
    model = _model_in(kind)
    return dict(model.model_fields) if model is not None else {}


def _below(kind: Any, part: str | int) -> Any:  # noqa: ANN401 - walks type annotations
    model = _model_in(kind)
    if model is not None:
        field = model.model_fields.get(str(part))
        return field.annotation if field is not None else None
    for option in _options(kind):
        arguments = get_args(option)
        if get_origin(option) is dict:
            return arguments[1]
        if get_origin(option) is tuple:
            return arguments[0]
    return None


def _model_in(kind: Any) -> type[BaseModel] | None:  # noqa: ANN401
    for option in _options(kind):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def _options(kind: Any) -> list[Any]:  # noqa: ANN401
    """Give the alternatives of `X | None`, or the one type itself."""
    arguments = get_args(kind)
    is_union = get_origin(kind) is Union or type(kind).__name__ == "UnionType"
    return [option for argument in arguments for option in _options(argument)] if is_union else [kind]
