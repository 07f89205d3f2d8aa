"""Edits of an inventory → the files that change by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.files.worktree import Change
from pyhomelab.inventory.edits import with_value, without
from pyhomelab.inventory.load import judged
from pyhomelab.inventory.places import inventory_files, place_of, read_source, source_of
from pyhomelab.text.source import parse
from pyhomelab.text.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyhomelab.inventory.places import KeyPath
    from pyhomelab.model import Inventory


@dataclass(frozen=True, slots=True)
class Put:
    """Put a value (plain data) at a path, in place of what is there; new entries come last."""

    path: KeyPath
    value: object


@dataclass(frozen=True, slots=True)
class TakeOut:
    """Take an entry or an item out, with the remarks above it."""

    path: KeyPath


Edit = Put | TakeOut


def amended(inventory: Path, edits: Iterable[Edit]) -> list[Change]:
    """Give the changes to an inventory's files, for `worktree.write` in its directory; each edit sees those before it.

    An edit goes to the file that holds most of its path. Raises UnreadableInventory if the inventory cannot be read,
    Refused if a file is a link or laid out in a way that cannot be edited, and KeyError for what is not there.
    """
    source = read_source(inventory)
    files = dict(zip((document.file for document in source.documents), inventory_files(inventory), strict=True))
    old = {name: file.read_text(encoding="utf-8") for name, file in files.items()}
    new = dict(old)
    for edit in edits:
        file = place_of(source, edit.path)
        if files[file].is_symlink():
            raise Refused("is a symbolic link, and is not edited", where=file, hint="put the file itself here")
        text = new[file]
        new[file] = with_value(text, edit.path, edit.value) if isinstance(edit, Put) else without(text, edit.path)
    return [Change(files[name].name, old[name], text) for name, text in new.items() if text != old[name]]


def foreseen(inventory: Path, changes: Iterable[Change]) -> Inventory:
    """Give the inventory as it will be; raises InventoryRefused with all the mistakes that it will have."""
    new = {change.path: change.new for change in changes}
    files = inventory_files(inventory)
    texts = ((shown(file), new.get(file.name) or file.read_text(encoding="utf-8")) for file in files)
    return judged(source_of(tuple(parse(text, name) for name, text in texts)))
