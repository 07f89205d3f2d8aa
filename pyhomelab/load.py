"""Files → Inventory, or every mistake at once.

A part that cannot be read into the model is left out, and what remains is cross-checked all the same, so that one typo
does not hide the rest. Nothing is said about references to a part that was left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pyhomelab.complaints import complaints
from pyhomelab.errors import InventoryRefused
from pyhomelab.leaks import secrets_in
from pyhomelab.model import Inventory
from pyhomelab.places import Source, read_source
from pyhomelab.rules import EVERYTHING, judge

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from pyhomelab.errors import Mistake

Entry = tuple[str, str]
_OWN_SECTIONS = ("networks", "hosts", "volumes", "guests", "clusters")
def _entry(place: tuple[int | str, ...]) -> tuple[int | str, int | str]:
    return (place[0], place[1]) if len(place) > 1 else (place[0], EVERYTHING)


_ANY_LAB = {
    "name": "lab",
    "state_version": "26.05",
    "admins": [{"name": "admin", "ssh_keys": ["ssh-ed25519 AAAAAAAAAAAAAAAAAAAAAAAA"]}],
}


def load(inventory: Path) -> Inventory:
    """Read and judge an inventory; raises UnreadableInventory, or InventoryRefused with all its mistakes."""
    source = read_source(inventory)
    model, mistakes = understand(source.data)
    known = {mistake.path for mistake in source.mistakes}
    located = [*source.mistakes, *(place for place in map(source.locate, mistakes) if place.path not in known)]
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
        return whole, [*secrets_in(data), *judge(whole)]
    mistakes = [*complaints(details), *secrets_in(data)]
    remains, broken = _without_broken(data, details)
    if remains is not None:
        mistakes += judge(remains, broken)
    return None, list(dict.fromkeys(mistakes))


def _without_broken(data: dict[str, Any], details: list[ErrorDetails]) -> tuple[Inventory | None, frozenset[Entry]]:
    """Read what is left when every entry with a mistake is taken out."""
    broken = frozenset((str(section), str(name)) for section, name in (_entry(detail["loc"]) for detail in details))
    sections: dict[str, Any] = {}
    for section in _OWN_SECTIONS:
        entries = data.get(section)
        whole = isinstance(entries, dict)
        sections[section] = {name: entry for name, entry in entries.items() if (section, name) not in broken} if whole else {}
    lab_is_whole = isinstance(data.get("lab"), dict) and not any(section == "lab" for section, _ in broken)
    try:
        return Inventory.model_validate({"lab": data["lab"] if lab_is_whole else _ANY_LAB, **sections}), broken
    except ValidationError:  # no network or no host is left
        return None, broken
