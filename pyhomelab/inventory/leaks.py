"""Secrets that stand in an inventory where none may."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyhomelab.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def without_leaks(mistakes: Iterable[Mistake], data: dict[str, Any]) -> list[Mistake]:
    """Add a mistake for every secret in the data, and see to it that no other mistake shows one."""
    leaks = list(secrets_in(data))
    if not leaks:
        return list(mistakes)
    secret = {leak.path for leak in leaks}
    holders = {path[:length] for path in secret for length in range(len(path))}
    shown = (replace(mistake, shows_value=False) if mistake.path in holders else mistake for mistake in mistakes)
    return [*leaks, *(mistake for mistake in shown if mistake.path not in secret)]
