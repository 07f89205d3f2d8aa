"""Addresses: each in its network, and each of one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyhomelab.errors import Mistake
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Net
    from pyhomelab.model.base import Address
    from pyhomelab.rules.scope import Path, Scope


class _Claim(NamedTuple):
    path: Path
    owner: str
    address: Address
    network: str | None


def addresses_fit_their_network(scope: Scope) -> Iterator[Mistake]:
    """Refuse addresses outside their network, and those of it that no machine can have."""
    for claim in _claims(scope):
        if claim.network in scope.inventory.networks:
            yield from misfit(claim.path, claim.address, claim.network, scope.inventory.networks[claim.network])


def addresses_are_given_once(scope: Scope) -> Iterator[Mistake]:
    """Refuse an address that two machines, or a machine and a cluster, would answer to."""
    first: dict[Address, str] = {}
    for claim in _claims(scope):
        if claim.address in first:
            net = scope.inventory.networks.get(claim.network or "")
            yield Mistake(claim.path, f"is the address of {first[claim.address]}, too", _take_another(net))
        first.setdefault(claim.address, claim.owner)


def addresses_have_a_network(scope: Scope) -> Iterator[Mistake]:
    """Refuse the address of a link that is in no network."""
    for attached in scope.attachments:
        if attached.address is not None and attached.network is None:
            networks = listed(list(scope.inventory.networks)[:8], last="or")
            yield Mistake(
                (*attached.path, "address"),
                "is the address of a link that is in no network",
                f"add `network:` beside it ({networks})",
            )


def misfit(path: Path, address: Address, name: str, net: Net) -> Iterator[Mistake]:
    """Yield why a machine of a network cannot have an address, if it cannot."""
    reason = _misfit(address, name, net)
    if reason is None and address == net.gateway:
        reason = f"is the gateway of network {name}"
    if reason is not None:
        yield Mistake(path, reason, _take_another(net))


def gateway_misfit(name: str, net: Net) -> Iterator[Mistake]:
    """Yield why a network's gateway cannot be its gateway, if it cannot."""
    reason = _misfit(net.gateway, name, net) if net.gateway is not None else None
    if reason is not None:
        yield Mistake(("networks", name, "gateway"), reason, f"write the router's address in {net.cidr}")


def _misfit(address: Address, name: str, net: Net) -> str | None:
    if address.version != net.cidr.version:
        return f"is an IPv{address.version} address, and network {name} is {net.cidr}"
    if address not in net.cidr:
        return f"is outside network {name} ({net.cidr})"
    if net.cidr.num_addresses <= 2:  # noqa: PLR2004 - a line between two machines has no address to spare
        return None
    if address == net.cidr.network_address:
        return f"is the address of network {name} itself"
    if address.version == 4 and address == net.cidr.broadcast_address:  # noqa: PLR2004
        return f"is the broadcast address of network {name}"
    return None


def _take_another(net: Net | None) -> str:
    return f"take a free address of {net.cidr}" if net is not None else "take a free address"


def _claims(scope: Scope) -> Iterator[_Claim]:
    for attached in scope.attachments:
        if attached.fixed is not None:
            owner = f"{attached.kind} {attached.machine}"
            yield _Claim((*attached.path, "address"), owner, attached.fixed, attached.network)
    for name, cluster in scope.inventory.clusters.items():
        if cluster.vip is not None:
            network = cluster.network or network_holding(scope, cluster.vip)
            yield _Claim(("clusters", name, "vip"), f"cluster {name}", cluster.vip, network)


def network_holding(scope: Scope, address: Address) -> str | None:
    """Give the network that an address lies in."""
    return next((name for name, net in scope.inventory.networks.items() if address in net.cidr), None)
