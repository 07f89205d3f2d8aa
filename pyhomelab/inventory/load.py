"""Files → Inventory, or every mistake at once.

A part that cannot be read into the model is left out, and what remains is cross-checked all the same, so that one
typo does not hide the rest. Nothing is said about references to a part that was left out.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pyhomelab.errors import InventoryRefused
from pyhomelab.inventory.complaints import complaints
from pyhomelab.inventory.leaks import without_leaks
from pyhomelab.inventory.places import read_source
from pyhomelab.model import Inventory
from pyhomelab.rules import EVERYTHING, judge
from pyhomelab.text.source import NO_VALUE

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from pyhomelab.errors import Mistake
    from pyhomelab.inventory.places import Source

Entry = tuple[str, str]
_OWN_SECTIONS = ("networks", "hosts", "volumes", "guests", "clusters", "secrets")


_ANY_LAB = {
    "name": "lab",
    "state_version": "26.05",
    "admins": [{"name": "admin", "ssh_keys": ["ssh-ed25519 AAAAAAAAAAAAAAAAAAAAAAAA"]}],
}


def load(inventory: Path) -> Inventory:
    """Read and judge an inventory; raises UnreadableInventory, or InventoryRefused with all its mistakes."""
    return judged(read_source(inventory))


def judged(source: Source) -> Inventory:
    """Judge an inventory that was read; raises InventoryRefused with all its mistakes."""
    model, mistakes = understand(source.data)
    # what has no value at all does not fit its key either, and that need not be said
    known = {mistake.path for mistake in source.mistakes if mistake.reason == NO_VALUE}
    located = [
        *source.mistakes,
        *(place for place in map(source.locate, mistakes) if place.path not in known),
    ]
    if model is None or located:
        raise InventoryRefused(located)
    return model


def understand(data: dict[str, Any]) -> tuple[Inventory | None, list[Mistake]]:
    """Read plain data into the model and judge it; gives the model only if all of it could be read."""
    try:
        whole = Inventory.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
    else:
        return whole, without_leaks(judge(whole), data)
    mistakes = complaints(details)
    remains, broken = _without_broken(data, details)
    if remains is not None:
        mistakes += judge(remains, broken)
    return None, without_leaks(dict.fromkeys(mistakes), data)


def _without_broken(data: dict[str, Any], details: list[ErrorDetails]) -> tuple[Inventory | None, frozenset[Entry]]:
    """Read what is left when unknown keys and every entry with another mistake are taken out."""
    unknown = {detail["loc"]: None for detail in details if detail["type"] == "extra_forbidden"}
    broken = frozenset(_entry(detail["loc"]) for detail in details if detail["loc"] not in unknown)
    rest = copy.deepcopy(data)
    for path in unknown:
        _forget(rest, path)
    for section in rest.keys() & set(_OWN_SECTIONS):
        entries = rest[section] if (section, EVERYTHING) not in broken else {}
        rest[section] = {name: entry for name, entry in entries.items() if (section, name) not in broken}
    if any(section == "lab" for section, _ in broken):
        rest["lab"] = _ANY_LAB
    try:
        return Inventory.model_validate(rest), broken
    except ValidationError:  # no network or no host is left
        return None, broken


def _entry(path: tuple[int | str, ...]) -> Entry:
    return (str(path[0]), str(path[1])) if len(path) > 1 else (str(path[0]), EVERYTHING)


def _forget(data: Any, path: tuple[int | str, ...]) -> None:  # noqa: ANN401 - YAML holds anything
    for part in path[:-1]:
        data = data[part]
    data.pop(path[-1], None)
