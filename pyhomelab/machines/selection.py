"""`--host dl1 --on @rack,nas` → the machines that are meant, in the order of the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.text.wording import near_miss

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyhomelab.machines.targets import Target

TAG = "@"


def words_of(text: str) -> tuple[str, ...]:
    """Take `@rack,nas` apart; raises ValueError, with the reason, for what is no list of names and tags."""
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        name = word.removeprefix(TAG)
        if not name or not name.isprintable() or set(name) & set(" @"):
            raise ValueError(f"{text!r} is not a list of names and @tags, such as @rack,nas")
    return words


def select(words: Sequence[str], machines: Mapping[str, Target]) -> dict[str, Target]:
    """Give the machines that any of the words means, all of them if there is no word.

    Raises Refused for the first name or tag that no machine has.
    """
    if not words:
        return dict(machines)
    meant = {name for word in words for name in _meant(word, machines)}
    return {name: target for name, target in machines.items() if name in meant}


def _meant(word: str, machines: Mapping[str, Target]) -> Iterable[str]:
    if not word.startswith(TAG):
        if word not in machines:
            raise Refused("is no machine of the lab", where=word, hint=near_miss(word, machines, kind="machine"))
        return [word]
    tagged = [name for name, target in machines.items() if word[1:] in target.tags]
    if not tagged:
        tags = [f"{TAG}{tag}" for target in machines.values() for tag in target.tags]
        raise Refused("is a tag that no machine has", where=word, hint=near_miss(word, tags, kind="tag"))
    return tagged
