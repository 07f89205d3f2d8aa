"""The ways in which machines take part in networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Host, Inventory, Link
    from pyhomelab.model.base import Address

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A machine's link to a network: where it is written, and the address it gives."""

    path: Path
    kind: Literal["host", "guest"]
    machine: str
    link: str
    network: str | None
    address: Address | Literal["dhcp"] | None
    bridge: str | None
    default_route: bool
    vlan: int | None

    @property
    def fixed(self) -> Address | None:
        """The address, unless DHCP gives it or there is none."""
        return None if isinstance(self.address, str) else self.address

    @property
    def device(self) -> str:
        """The interface below a bridge, if there is one: the link, or its VLAN."""
        return self.link if self.vlan is None else f"{self.link}.{self.vlan}"


def attachments(inventory: Inventory) -> Iterator[Attachment]:
    """List every link of every machine to a network, hosts first, in the order of the inventory."""
    for name, host in inventory.hosts.items():
        yield from _of_host(inventory, name, host)
    for name, guest in inventory.guests.items():
        for network, link in guest.links.items():
            path = ("guests", name, "links", network)
            yield Attachment(path, "guest", name, network, network, link.address, None, link.default_route, vlan=None)


def _of_host(inventory: Inventory, host_name: str, host: Host) -> Iterator[Attachment]:
    for name, link in host.links.items():
        path: Path = ("hosts", host_name, "links", name)
        vlan = carried_vlan(inventory, link)
        yield Attachment(
            path, "host", host_name, name, link.network, link.address, link.bridge, link.default_route, vlan
        )
        for network, tagged in link.vlans.items():
            net = inventory.networks.get(network)
            yield Attachment(
                (*path, "vlans", network),
                "host",
                host_name,
                name,
                network,
                tagged.address,
                tagged.bridge,
                tagged.default_route,
                net.vlan if net is not None else None,
            )


def carried_vlan(inventory: Inventory, link: Link) -> int | None:
    """Give the VLAN id that a link's own network has on the wire, if it is tagged there."""
    net = inventory.networks.get(link.network or "")
    return None if net is None or link.tagged is False else net.vlan
