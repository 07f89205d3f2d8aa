"""Links of hosts: their networks, VLANs, bonds, bridges, and the names of the interfaces they make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Link
    from pyhomelab.rules.attachments import Attachment
    from pyhomelab.rules.scope import Path, Scope

_LONGEST_INTERFACE = 15
_FROM_KERNEL = re.compile("eth[0-9]+")
_MADE = re.compile(".*[.].*|bond.*|br[0-9-].*")


def links_name_networks_that_exist(scope: Scope) -> Iterator[Mistake]:
    """Refuse links to networks that nobody wrote down."""
    for attached in scope.attachments:
        if attached.network is not None:
            own = attached.kind == "host" and attached.path[-1] == attached.link
            path = (*attached.path, "network") if own else attached.path
            yield from scope.unknown(path, attached.network, "network", "networks")


def tags_are_those_of_networks(scope: Scope) -> Iterator[Mistake]:
    """Refuse tagged links whose network has no VLAN id, and one network or VLAN twice on a link."""
    for path, link in _links(scope):
        net = scope.inventory.networks.get(link.network or "")
        if link.tagged and link.network is None:
            yield Mistake(
                (*path, "tagged"),
                "is said of a link that is in no network",
                "add `network:`, or use `vlans:` alone",
            )
        elif link.tagged and net is not None and net.vlan is None:
            yield Mistake(
                (*path, "tagged"),
                f"needs a tag, and network {link.network} has no VLAN id",
                f"set `vlan:` of network {link.network}, or leave `tagged` out",
            )
        yield from _carried(scope, path, link, own_vlan=net.vlan if net and link.tagged is not False else None)


def _carried(scope: Scope, path: Path, link: Link, own_vlan: int | None) -> Iterator[Mistake]:
    seen = {own_vlan: link.network} if own_vlan is not None else {}
    for network in link.vlans:
        net = scope.inventory.networks.get(network)
        reason = hint = ""
        if network == link.network:
            reason, hint = "is the link's own network already", "name it once: in `network:` or in `vlans:`"
        elif net is not None and net.vlan is None:
            reason, hint = (
                "is carried tagged, but the network has no VLAN id",
                f"set `vlan:` of network {network}",
            )
        elif net is not None and net.vlan in seen:
            reason = f"has VLAN id {net.vlan}, which is network {seen[net.vlan]} on this link"
            hint = "give each network on a link a VLAN id of its own"
        elif net is not None and net.vlan is not None:
            seen[net.vlan] = network
        if reason:
            yield Mistake((*path, "vlans", network), reason, hint, shows_value=False)


def bonds_own_their_cards(scope: Scope) -> Iterator[Mistake]:
    """Refuse a bond's card that is a link of its own or in a second bond, and a bond with a card's MAC."""
    for name, host in scope.inventory.hosts.items():
        taken = {"lo": "the loopback interface"} | dict.fromkeys(host.links, "a link of this host")
        for link_name, link in host.links.items():
            if link.bond is None:
                continue
            path = ("hosts", name, "links", link_name)
            for index, member in enumerate(link.bond.members):
                if member in taken:
                    reason = f"is {taken[member]} already"
                    hint = "a card is used once: leave it out of one of the two"
                    yield Mistake((*path, "bond", "members", index), reason, hint)
                taken.setdefault(member, f"in bond {link_name}")
            if link.mac is not None:
                hint = "leave it out: cards in a bond are named by the system"
                yield Mistake((*path, "mac"), "is that of a card, and a bond is several", hint)


def cards_are_called_like_cards(scope: Scope) -> Iterator[Mistake]:
    """Refuse names of bonds, bridges and VLANs where nothing makes one, and those that a card cannot be given."""
    for path, link in _links(scope):
        name = str(path[-1])
        if link.mac is not None and _FROM_KERNEL.fullmatch(name):
            reason = "is a name that Linux gives out by itself, so the card with this MAC may not get it"
            yield Mistake(path, reason, "call the link something else, such as lan0", shows_value=False)
        elif link.bond is None and link.mac is None and _MADE.fullmatch(name):
            reason = "is called like a bond, a bridge or a VLAN, and nothing makes it"
            hint = "name the card (`ip link` shows it); `bond:`, `bridge:` and `vlans:` make the others on it"
            yield Mistake(path, reason, hint, shows_value=False)
        for index, member in enumerate(link.bond.members if link.bond is not None else ()):
            if _MADE.fullmatch(member):
                reason = "is called like a bond, a bridge or a VLAN, and a bond takes network cards only"
                yield Mistake((*path, "bond", "members", index), reason, "name the cards, as `ip link` shows them")


def interfaces_have_names_of_their_own(scope: Scope) -> Iterator[Mistake]:
    """Refuse interfaces of a host with one name, and names that are longer than Linux takes."""
    taken: dict[str, dict[str, str]] = {}
    for name, host in scope.inventory.hosts.items():
        own = taken[name] = {"lo": "the loopback interface"} | dict.fromkeys(host.links, "a link")
        for link_name, link in host.links.items():
            for member in link.bond.members if link.bond is not None else ():
                own.setdefault(member, f"a card of bond {link_name}")
        if "lo" in host.links:
            reason = "is the loopback interface of every machine"
            yield Mistake(("hosts", name, "links", "lo"), reason, "name the card", shows_value=False)
    for attached in scope.attachments:
        if attached.kind == "host":
            yield from _devices(attached, taken[attached.machine])


def _devices(attached: Attachment, taken: dict[str, str]) -> Iterator[Mistake]:
    device, bridge = attached.device, attached.bridge
    if attached.vlan is not None:
        itself = f"VLAN {attached.vlan} of link {attached.link}"
        if taken.get(device, itself) != itself:  # twice on one link is said where tags are judged
            reason = f"would be called {device}, which is {taken[device]} of this host"
            yield Mistake(attached.path, reason, "rename one of the two", shows_value=False)
        if len(device) > _LONGEST_INTERFACE:
            reason = f"would be called {device}, and Linux takes {_LONGEST_INTERFACE} characters"
            hint = "give the card a shorter name by its `mac:`"
            yield Mistake(attached.path, reason, hint, shows_value=False)
        taken.setdefault(device, itself)
    if bridge is not None:
        if bridge in taken:
            reason = f"is {taken[bridge]} of this host already"
            yield Mistake((*attached.path, "bridge"), reason, "give the bridge a name of its own, such as br-lan")
        taken.setdefault(bridge, f"the bridge over {device}")


def networks_reach_a_host_once(scope: Scope) -> Iterator[Mistake]:
    """Refuse two addresses, and two bridges, of one host in one network."""
    addressed: dict[tuple[str, str], str] = {}
    bridged: dict[tuple[str, str], str] = {}
    for attached in scope.attachments:
        if attached.kind != "host" or attached.network is None:
            continue
        key = (attached.machine, attached.network)
        if attached.address is not None and key in addressed:
            yield Mistake(
                (*attached.path, "address"),
                f"is a second address in network {attached.network}, after that of link {addressed[key]}",
                "answers would leave by the wrong card: keep one, or make the cards a bond",
            )
        elif attached.bridge is not None and key in bridged:
            yield Mistake(
                (*attached.path, "bridge"),
                f"is a second bridge in network {attached.network}, after that of link {bridged[key]}",
                "guests could be on either: keep one, or make the cards a bond",
            )
        if attached.address is not None:
            addressed.setdefault(key, attached.link)
        if attached.bridge is not None:
            bridged.setdefault(key, attached.link)


def _links(scope: Scope) -> Iterator[tuple[Path, Link]]:
    for name, host in scope.inventory.hosts.items():
        for link_name, link in host.links.items():
            yield ("hosts", name, "links", link_name), link
