"""The hosts that an inventory has, even while it has mistakes: a host is added with its disk still to be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pyhomelab.errors import InventoryRefused
from pyhomelab.inventory.load import load
from pyhomelab.inventory.places import read_source
from pyhomelab.machines.targets import targets
from pyhomelab.model import Host
from pyhomelab.text.wording import near_miss

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyhomelab.errors import LocatedMistake, Mistake
    from pyhomelab.inventory.places import Source
    from pyhomelab.machines.targets import Target
    from pyhomelab.model.base import Network


@dataclass(frozen=True, slots=True)
class Entries:
    """The inventory at a path, as far as it can be understood; an empty one if there is none."""

    inventory: Path
    source: Source | None

    @classmethod
    def read(cls, inventory: Path, *, needed: bool) -> Entries:
        """Read an inventory; raises UnreadableInventory if it is no YAML, or if there is none and one is `needed`."""
        return cls(inventory, read_source(inventory) if needed or inventory.exists() else None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the hosts."""
        return tuple(self._section("hosts"))

    @property
    def networks(self) -> dict[str, Network]:
        """The networks whose addresses are understood."""
        found = {}
        for name, network in self._section("networks").items():
            try:
                found[name] = ip_network(network["cidr"])
            except (KeyError, TypeError, ValueError):
                continue
        return found

    def host(self, name: str) -> Host | None:
        """Give the entry of a host; None if it has mistakes."""
        try:
            return Host.model_validate(self._section("hosts")[name])
        except ValidationError:
            return None

    def machines(self, *, is_needed: bool) -> Mapping[str, Target]:
        """Give all machines as ssh sees them; of an inventory with mistakes none, unless they are needed."""
        try:
            return targets(load(self.inventory), self.inventory) if self.source is not None else {}
        except InventoryRefused:
            if is_needed:
                raise
            return {}

    def located(self, difference: Mistake) -> LocatedMistake:
        """Give a difference the place of what was written."""
        if self.source is None:
            raise ValueError(difference)
        return self.source.locate(difference)

    def near(self, word: str) -> str:
        """Say which host was probably meant."""
        return near_miss(word, self.names, kind="host")

    def _section(self, name: str) -> dict[str, Any]:
        section = self.source.data.get(name) if self.source is not None else None
        return section if isinstance(section, dict) else {}
