"""Inventory → which network cards are plugged into the same switch, for machines that are not there yet.

Networks that share a cable share a switch. A machine has one card in each: further ones, of a bond say, meet those of
other machines in a further switch.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyhomelab.model import Inventory
    from pyhomelab.model.network import Link


def switches(inventory: Inventory, machines: Iterable[str]) -> dict[str, dict[str, int]]:
    """Number the switch of every card of the machines, from 1 on."""
    together = _together(inventory)
    numbers: dict[tuple[str, int], int] = {}
    plugged: dict[str, dict[str, int]] = {}
    for machine in machines:
        taken: Counter[str] = Counter()
        plugged[machine] = {}
        for card, network in _cards(inventory, machine):
            segment = together.get(network, network)
            plugged[machine][card] = numbers.setdefault((segment, taken[segment]), len(numbers) + 1)
            taken[segment] += 1
    return plugged


def _together(inventory: Inventory) -> dict[str, str]:
    """Name, for every network, the first of those that it shares cables with."""
    found = {network: network for network in inventory.networks}
    for host in inventory.hosts.values():
        for link in host.links.values():
            carried = [found[network] for network in _networks(link)]
            found = {network: carried[0] if first in carried else first for network, first in found.items()}
    return found


def _networks(link: Link) -> list[str]:
    return [*([link.network] if link.network is not None else []), *link.vlans]


def _cards(inventory: Inventory, machine: str) -> Iterator[tuple[str, str]]:
    if machine in inventory.guests:
        yield from ((network, network) for network in inventory.guests[machine].links)
        return
    for name, link in inventory.hosts[machine].links.items():
        network = next(iter(_networks(link)), f"link {name}")
        for card in link.bond.members if link.bond is not None else (name,):
            yield card, network
