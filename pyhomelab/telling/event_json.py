"""Events as lines of JSON for programs, and the schema of these lines."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from datetime import UTC
from inspect import getdoc
from typing import TYPE_CHECKING, Any, get_args

from pydantic import TypeAdapter

from pyhomelab.telling.events import Event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def _words(name: str) -> str:
    """Write the name of a class as words: `StageBegan` is `stage-began`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


KINDS: Mapping[str, type[Event]] = {_words(kind.__name__): kind for kind in get_args(Event)}
"""Every kind of event, by the name that it has in JSON."""


def as_json(event: Event, at: datetime) -> str:
    """Give an event of this moment as one line of JSON, in ASCII."""
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": moment, "event": _words(type(event).__name__), **asdict(event)})


def events_schema() -> dict[str, Any]:
    """Give the schema (draft 2020-12) of such a line: every key of a kind is always there, and no other."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pyhomelab events",
        "description": "A line that `--json-events` prints: what happened, and when.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in KINDS],
        "$defs": {name: _schema(name, kind) for name, kind in KINDS.items()},
    }


def _schema(name: str, kind: type[Event]) -> dict[str, Any]:
    own = TypeAdapter(kind).json_schema(mode="serialization")["properties"]
    head = {
        "time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
        "event": {"const": name},
    }
    return {
        "type": "object",
        "description": (getdoc(kind) or "").replace("\n", " "),
        "properties": head | {key: _bare(value) for key, value in own.items()},
        "required": [*head, *(field.name for field in fields(kind))],
        "additionalProperties": False,
    }


def _bare(described: dict[str, Any]) -> dict[str, Any]:
    """Leave out what pydantic adds: a title made of the key, and the default of a key that is always there."""
    return {key: value for key, value in described.items() if key not in {"title", "default"}}
