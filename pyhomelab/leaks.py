"""Secrets that stand in an inventory where none may."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pyhomelab.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKS_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|AGE-SECRET-KEY-1|K10[0-9a-f]{40,}::|^[a-z0-9]{6}\.[a-z0-9]{16}$|"
    r"--(?:agent-)?token[= ]|--[a-z-]*(?:password|secret)[a-z-]*[= ]"
)


def secrets_in(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[Mistake]:  # noqa: ANN401 - YAML holds anything
    """Find texts that look like a private key, a token or a password flag; their value is never shown."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from secrets_in(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from secrets_in(value, (*path, index))
    elif isinstance(data, str) and _LOOKS_SECRET.search(data):
        yield Mistake(
            path,
            "holds what looks like a secret",
            "remove it, make a new one with `pyhomelab secret generate`, and treat this one as known to others",
            shows_value=False,
        )
