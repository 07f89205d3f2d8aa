"""Networks, and the links by which a host takes part in them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from pyhomelab.model.base import (
    Address,
    Between,
    Called,
    Cidr,
    InterfaceName,
    IpAddress,
    Mac,
    Model,
    Name,
    Port,
    plain_address,
)

Mtu = Annotated[int, Between(1280, 9216)]
VlanId = Annotated[int, Between(1, 4094)]
BondMode = Literal["802.3ad", "active-backup", "balance-rr", "balance-xor", "balance-alb", "balance-tlb", "broadcast"]
DHCP = "dhcp"


def _link_address(value: object) -> Address | str:
    return DHCP if value == DHCP else plain_address(value, "write it like 192.168.10.11, or dhcp")


LinkAddress = Annotated[
    Address | Literal["dhcp"],
    PlainValidator(_link_address),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "dhcp"},
                {"type": "string", "format": "ipv4"},
                {"type": "string", "format": "ipv6"},
            ]
        }
    ),
    Called("IP address or `dhcp`", "192.168.10.11"),
]


class Firewall(Model):
    """What machines let in from a network, beside ssh and what their roles need."""

    trusted: bool = Field(False, title="Trusted", description="Let everything in from this network.")
    tcp: tuple[Port, ...] = Field(
        (), title="TCP ports", description="Ports open to this network.", examples=[[80, 443]]
    )
    udp: tuple[Port, ...] = Field((), title="UDP ports", description="Ports open to this network.", examples=[[53]])


class Net(Model):
    """One IP network of the lab."""

    cidr: Cidr = Field(title="CIDR", description="Address and prefix length, such as 192.168.10.0/24.")
    vlan: VlanId | None = Field(
        None, title="VLAN id", description="The 802.1Q tag that carries this network.", examples=[20]
    )
    mtu: Mtu | None = Field(
        None, title="MTU", description="Largest packet in bytes; switches must carry it too.", examples=[9000]
    )
    gateway: IpAddress | None = Field(None, title="Gateway", description="The router of this network.")
    dns: tuple[IpAddress, ...] = Field((), title="DNS servers", description="Resolvers reached by this network.")
    firewall: Firewall = Field(Firewall(), title="Firewall", description="What machines let in from this network.")


class Bond(Model):
    """Several network cards used as one."""

    members: tuple[InterfaceName, ...] = Field(
        title="Members", description="The cards.", examples=[["eno1", "eno2"]], min_length=1
    )
    mode: BondMode = Field("802.3ad", title="Mode", description="802.3ad (LACP) needs a switch that knows it.")


class Tagged(Model):
    """A network that a link carries beside its own, tagged with the network's VLAN id."""

    address: LinkAddress | None = Field(
        None,
        title="Address",
        description="The host's address, `dhcp`, or nothing to only bridge the network.",
    )
    bridge: InterfaceName | None = Field(
        None, title="Bridge", description="Make this bridge for guests on it.", examples=["br-iot"]
    )
    default_route: bool = Field(True, title="Default route", description="Use the network's gateway, if it has one.")


class Link(Model):
    """A network card (or a bond of several) of a host, named as the system names it."""

    network: Name | None = Field(
        None, title="Network", description="The network that this link is in.", examples=["lan"]
    )
    address: LinkAddress | None = Field(
        None,
        title="Address",
        description="The host's address, `dhcp`, or nothing to only bridge the network.",
    )
    tagged: bool | None = Field(
        None,
        title="Tagged",
        description="Whether the switch port carries the network tagged; by default it does if the network has a vlan.",
    )
    bridge: InterfaceName | None = Field(
        None, title="Bridge", description="Make this bridge for guests on it.", examples=["br-lan"]
    )
    bond: Bond | None = Field(None, title="Bond", description="This link is several cards used as one.")
    mac: Mac | None = Field(None, title="MAC", description="Find the card by its MAC and give it the link's name.")
    vlans: dict[Name, Tagged] = Field(
        {}, title="VLANs", description="Further networks that the same link carries, tagged."
    )
    default_route: bool = Field(True, title="Default route", description="Use the network's gateway, if it has one.")
