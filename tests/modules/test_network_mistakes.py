from __future__ import annotations

import re

import pytest

from tests.modules.harness import EvaluationError, evaluate, failed_assertions, needs_nixpkgs_lib

pytestmark = needs_nixpkgs_lib

WHERE = "homelab.network on dl1: "


def refused(body: str) -> list[str]:
    """What is said against a network, without the part that names the machine."""
    module = f'{{ networking.hostName = "dl1"; homelab.network = {{ enable = true; {body} }}; }}'
    said = failed_assertions(module)
    assert all(message.startswith(WHERE) for message in said)
    return [message.removeprefix(WHERE) for message in said]


MISTAKES = {
    "a name longer than Linux takes": (
        'interfaces.storage-network-1.addresses = [ "10.0.0.1/24" ];',
        (
            '"storage-network-1" is no name for an interface; take a letter and up to 14 letters, digits, '
            '"-", "_" or ".", and neither "all" nor "default"'
        ),
    ),
    "a name that means every interface": (
        'interfaces.default.addresses = [ "10.0.0.1/24" ];',
        (
            '"default" is no name for an interface; take a letter and up to 14 letters, digits, '
            '"-", "_" or ".", and neither "all" nor "default"'
        ),
    ),
    "a VLAN that is not there": (
        'bridges.br-lan.members = [ "eno1.20" ];',
        (
            '"eno1.20" is used but nothing makes it; add it to bonds, vlans or bridges, or to links if '
            "a card has that name"
        ),
    ),
    "an address on a bridge that is not there": (
        'interfaces.br-lan.addresses = [ "10.0.0.1/24" ];',
        (
            '"br-lan" is used but nothing makes it; add it to bonds, vlans or bridges, or to links if '
            "a card has that name"
        ),
    ),
    "one name for two things": (
        'bonds.x.members = [ "eno1" ]; bridges.x = { };',
        '"x" is in bonds and in bridges; give one of them another name',
    ),
    "a card in two bridges": (
        'bridges = { br-a.members = [ "eno1" ]; br-b.members = [ "eno1" ]; };',
        '"eno1" is a member of "br-a" and "br-b", but a card can be in one only; take it out of the others',
    ),
    "a card in a bond and a bridge": (
        'bonds.bond0.members = [ "eno1" ]; bridges.br-lan.members = [ "eno1" ];',
        ('"eno1" is a member of "bond0" and "br-lan", but a card can be in one only; take it out of the others'),
    ),
    "a bond of nothing": (
        "bonds.bond0 = { };",
        'bond "bond0" has no members; list its cards in bonds.bond0.members',
    ),
    "a bond of a VLAN": (
        'vlans.tagged = { id = 20; parent = "eno1"; }; bonds.bond0.members = [ "tagged" ];',
        '"tagged" cannot be a member of bond "bond0"; a bond takes network cards only',
    ),
    "a VLAN below a bond": (
        'bonds.bond0.members = [ "eno1" ]; vlans."eno1.20" = { id = 20; parent = "eno1"; };',
        '"eno1.20" cannot lie on "eno1", which is a member of a bond; put the VLAN on "bond0"',
    ),
    "a bridge in a bridge": (
        'bridges = { br-a.members = [ "br-b" ]; br-b.members = [ "eno1" ]; };',
        'bridge "br-b" cannot be a member of bridge "br-a"; make the members of both members of one',
    ),
    "the same VLAN twice": (
        'vlans = { a = { id = 20; parent = "eno1"; }; b = { id = 20; parent = "eno1"; }; };',
        '"a" and "b" are the same VLAN 20 on "eno1"; keep one of them',
    ),
    "two names for one card": (
        'links = { lan.mac = "52:54:00:00:00:0a"; wan.mac = "52:54:00:00:00:0A"; };',
        'links "lan" and "wan" have the same MAC address 52:54:00:00:00:0a; a card can have one name only',
    ),
    "a name that the kernel gives": (
        'links.eth0.mac = "52:54:00:00:00:0a";',
        (
            '"eth0" is a name the kernel gives out itself while it starts, so the card may not get it; '
            "call it lan0, for example"
        ),
    ),
    "an address on a member": (
        'bridges.br-lan.members = [ "eno1" ]; interfaces.eno1.addresses = [ "10.0.0.1/24" ];',
        (
            '"eno1" is a member of "br-lan" and has no addresses and no firewall of its own; '
            "move them to interfaces.br-lan"
        ),
    ),
    "a port open on a member": (
        'bonds.bond0.members = [ "eno1" ]; interfaces.eno1.firewall.tcp = [ 80 ];',
        (
            '"eno1" is a member of "bond0" and has no addresses and no firewall of its own; '
            "move them to interfaces.bond0"
        ),
    ),
    "an address without its prefix": (
        'interfaces.eno1.addresses = [ "192.168.10.11" ];',
        'address "192.168.10.11" of "eno1" has no prefix length; write it as in "192.168.10.11/24"',
    ),
    "a gateway without an address": (
        'interfaces.eno1.gateway = "192.168.10.1";',
        (
            'gateway 192.168.10.1 of "eno1" cannot be reached, as "eno1" has no IPv4 address; '
            "add one or remove the gateway"
        ),
    ),
    "a gateway of the other family": (
        'interfaces.eno1 = { addresses = [ "10.0.0.1/24" ]; gateway = "fd00::1"; };',
        ('gateway fd00::1 of "eno1" cannot be reached, as "eno1" has no IPv6 address; add one or remove the gateway'),
    ),
    "two gateways": (
        """interfaces = {
            eno1 = { addresses = [ "10.0.0.2/24" ]; gateway = "10.0.0.1"; };
            eno2 = { addresses = [ "10.0.1.2/24" ]; gateway = "10.0.1.1"; };
        };""",
        ('"eno1" and "eno2" each have an IPv4 gateway, and which of them is used would be left to chance; keep one'),
    ),
}


@pytest.mark.parametrize(("body", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_network_that_cannot_work_is_refused(body: str, message: str) -> None:
    assert refused(body) == [message]


def test_a_stack_that_lies_on_itself_is_refused_and_ends() -> None:
    body = 'bridges.br-a.members = [ "br-a.5" ]; vlans."br-a.5" = { id = 5; parent = "br-a"; };'

    assert refused(body) == [
        '"br-a" lies on itself; look at the members and parents of "br-a.5" and "br-a"',
        '"br-a.5" lies on itself; look at the members and parents of "br-a" and "br-a.5"',
    ]


def test_a_gateway_of_each_family_is_no_mistake() -> None:
    assert (
        refused("""interfaces = {
        eno1 = { addresses = [ "10.0.0.2/24" ]; gateway = "10.0.0.1"; };
        eno2 = { addresses = [ "fd00::2/64" ]; gateway = "fd00::1"; };
    };""")
        == []
    )


def test_a_card_may_have_a_name_that_looks_made() -> None:
    body = 'links.br0.mac = "52:54:00:00:00:01"; interfaces.br0.addresses = [ "10.0.0.1/24" ];'

    assert refused(body) == []


@pytest.mark.parametrize(
    ("body", "option"),
    [
        ('vlans.x = { parent = "eno1"; id = 4095; };', "vlans.x.id"),
        ('links.x.mac = "52-54-00-00-00-01";', "links.x.mac"),
        ("interfaces.x.mtu = 900;", "interfaces.x.mtu"),
        ('bonds.x.mode = "lacp";', "bonds.x.mode"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_option(body: str, option: str) -> None:
    module = f"{{ homelab.network = {{ enable = true; {body} }}; }}"

    with pytest.raises(EvaluationError, match=rf"homelab\.network\.{re.escape(option)}"):
        evaluate(module, f"config.homelab.network.{option}")
