"""What a rule sees: the inventory, what was left out of it, and what several rules want to know."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pyhomelab.allocation.placement import bridged_networks, place
from pyhomelab.errors import Mistake
from pyhomelab.rules.attachments import Attachment, attachments
from pyhomelab.text.wording import near_miss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyhomelab.model import Guest, Host, Inventory
    from pyhomelab.model.base import Address

Path = tuple[str | int, ...]
Entry = tuple[str, str]
Section = Literal["networks", "hosts", "volumes", "guests", "clusters", "secrets"]

EVERYTHING = "*"
"""In place of a name in `broken`: the whole section could not be read."""
_MOST_COMPARISONS = 20_000


@dataclass(frozen=True)
class Scope:
    """An inventory to judge.

    `broken` are entries such as ("hosts", "dl1") that had mistakes of their own and were left out: naming one
    is no mistake, and what could only be said with it is not said.
    """

    inventory: Inventory
    broken: frozenset[Entry] = frozenset()
    _near: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict, init=False, repr=False)

    def is_broken(self, section: Section, name: str) -> bool:
        """Say whether an entry exists that could not be read."""
        return (section, name) in self.broken or (section, EVERYTHING) in self.broken

    def is_whole(self, section: Section | Literal["lab"]) -> bool:
        """Say whether all entries of a section could be read."""
        return all(broken != section for broken, _ in self.broken)

    def exists(self, section: Section, name: str) -> bool:
        """Say whether an entry was written, readable or not."""
        return (
            name in getattr(self.inventory, section)
            or self.is_broken(section, name)
            or any(section == own and _letters(name) == _letters(broken) for own, broken in self.broken)
        )

    def unknown(self, path: Path, name: str, kind: str, *sections: Section) -> Iterator[Mistake]:
        """Yield the mistake of naming, at `path`, what none of the sections has; with the near miss."""
        if not any(self.exists(section, name) for section in sections):
            yield Mistake(
                path,
                f"is not a {kind} of this lab",
                self.near(name, kind, *sections),
                shows_value=path[-1] != name,
            )

    def near(self, name: str, kind: str, *sections: Section) -> str:
        """Say which entry of the sections was probably meant.

        In a large lab only the first misses are looked up: each costs a comparison with every name.
        """
        asked = (name, sections)
        if asked not in self._near:
            known = [known for section in sections for known in getattr(self.inventory, section)]
            if len(self._near) * len(known) > _MOST_COMPARISONS:
                return f"name one of the {len(known)} there are"
            self._near[asked] = near_miss(name, known, kind=kind)
        return self._near[asked]

    @cached_property
    def placement(self) -> dict[str, str]:
        """The host of every guest that has one."""
        return place(self.inventory)

    @cached_property
    def guests_of(self) -> dict[str, dict[str, Guest]]:
        """The guests of every host that has some, by name."""
        found: dict[str, dict[str, Guest]] = defaultdict(dict)
        for name, guest in self.inventory.guests.items():
            if name in self.placement:
                found[self.placement[name]][name] = guest
        return dict(found)

    def host_of(self, machine: str) -> str | None:
        """Give the bare metal that a machine is or runs on, if it is known."""
        return machine if machine in self.inventory.hosts else self.placement.get(machine)

    def machine(self, name: str) -> Host | Guest | None:
        """Give a host or a guest by name, unless there is none or it could not be read."""
        return self.inventory.hosts.get(name) or self.inventory.guests.get(name)

    @cached_property
    def attachments(self) -> tuple[Attachment, ...]:
        """Every link of every machine to a network, hosts first."""
        return tuple(attachments(self.inventory))

    @cached_property
    def attachments_of(self) -> dict[str, list[Attachment]]:
        """The links to networks of every machine that has some."""
        found: dict[str, list[Attachment]] = defaultdict(list)
        for attached in self.attachments:
            found[attached.machine].append(attached)
        return dict(found)

    @cached_property
    def fixed(self) -> dict[str, dict[str, Address]]:
        """The fixed addresses of every machine, by network."""
        found: dict[str, dict[str, Address]] = defaultdict(dict)
        for attached in self.attachments:
            if attached.network is not None and attached.fixed is not None:
                found[attached.machine].setdefault(attached.network, attached.fixed)
        return dict(found)

    @cached_property
    def bridged(self) -> Callable[[str], frozenset[str]]:
        """Give the networks that a host bridges for guests."""
        known: dict[str, frozenset[str]] = {}

        def bridged(host: str) -> frozenset[str]:
            if host not in known:
                known[host] = frozenset(bridged_networks(self.inventory, host))
            return known[host]

        return bridged


def _letters(name: str) -> str:
    """Give what two spellings of a name have in common: `DL_1` and `dl1`."""
    return "".join(filter(str.isalnum, name.lower()))
