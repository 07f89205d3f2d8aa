from __future__ import annotations

import pytest

from tests.labs import REMOVED, Changes, said

BOND = {"network": "lan", "address": "192.168.10.11", "bridge": "br-lan"}
ON_ONE_LINK: Changes = {"hosts.dl1.links.eno2": REMOVED, "volumes": {}}


def test_a_link_is_in_a_network_that_exists() -> None:
    assert said({"hosts.dl1.links.eno3": {"network": "storge"}}) == [
        "hosts.dl1.links.eno3.network: storge is not a network of this lab; did you mean storage?"
    ]


def test_a_link_carries_networks_that_exist() -> None:
    assert said({"hosts.dl1.links.eno3": {"vlans": {"iot": {}}}}) == [
        "hosts.dl1.links.eno3.vlans.iot: is not a network of this lab; there are lan, storage"
    ]


def test_a_guest_is_in_networks_that_exist() -> None:
    assert said({"guests.k8s-1.links.storge": {}}) == [
        "guests.k8s-1.links.storge: is not a network of this lab; did you mean storage?"
    ]


def test_a_tagged_link_is_in_a_network_with_a_vlan() -> None:
    assert said({"hosts.dl1.links.eno1.tagged": True}) == [
        "hosts.dl1.links.eno1.tagged: true needs a tag, and network lan has no VLAN id; "
        "set `vlan:` of network lan, or leave `tagged` out"
    ]


def test_a_tagged_link_is_in_a_network() -> None:
    assert said({"hosts.dl1.links.eno3": {"tagged": True}}) == [
        "hosts.dl1.links.eno3.tagged: true is said of a link that is in no network; "
        "add `network:`, or use `vlans:` alone"
    ]


@pytest.mark.parametrize("tagged", [True, False])
def test_a_network_with_a_vlan_may_be_tagged_or_not(tagged: bool) -> None:  # noqa: FBT001
    assert said({"hosts.dl1.links.eno2.tagged": tagged}) == []


def test_networks_that_a_link_carries_have_a_vlan() -> None:
    changes: Changes = {
        "networks.iot": {"cidr": "10.1.0.0/24"},
        "hosts.dl1.links.eno1.vlans": {"iot": {"bridge": "br-iot"}},
    }
    assert said(changes) == [
        "hosts.dl1.links.eno1.vlans.iot: is carried tagged, but the network has no VLAN id; set `vlan:` of network iot"
    ]
    assert said(changes | {"networks.iot.vlan": "30"}) == []


def test_a_link_carries_its_own_network_once() -> None:
    assert said({"hosts.dl1.links.eno2.vlans": {"storage": {}}}) == [
        "hosts.dl1.links.eno2.vlans.storage: is the link's own network already; "
        "name it once: in `network:` or in `vlans:`"
    ]


def test_a_vlan_on_a_link_is_one_network() -> None:
    changes: Changes = {"networks.iot": {"cidr": "10.1.0.0/24", "vlan": "20"}}
    assert said(changes) == []
    assert said(changes | {"hosts.dl1.links.eno2.vlans": {"iot": {}}}) == [
        "hosts.dl1.links.eno2.vlans.iot: has VLAN id 20, which is network storage on this link; "
        "give each network on a link a VLAN id of its own"
    ]


def test_a_card_of_a_bond_is_no_link_of_its_own() -> None:
    changes = {"hosts.dl1.links.bond0": {"bond": {"members": ["eno1", "eno3"]}}}
    assert said(changes) == [
        "hosts.dl1.links.bond0.bond.members[0]: eno1 is a link of this host already; "
        "a card is used once: leave it out of one of the two"
    ]


def test_a_card_is_in_one_bond() -> None:
    changes = {
        "hosts.dl1.links.bond0": {"bond": {"members": ["eno3", "eno4"]}},
        "hosts.dl1.links.bond1": {"bond": {"members": ["eno4", "eno5"]}},
    }
    assert said(changes) == [
        "hosts.dl1.links.bond1.bond.members[0]: eno4 is in bond bond0 already; "
        "a card is used once: leave it out of one of the two"
    ]


def test_a_bond_has_no_mac_of_a_card() -> None:
    link = {"bond": {"members": ["eno3", "eno4"]}, "mac": "52:54:00:00:00:01"}
    assert said({"hosts.dl1.links.bond0": link}) == [
        "hosts.dl1.links.bond0.mac: 52:54:00:00:00:01 is that of a card, and a bond is several; "
        "leave it out: cards in a bond are named by the system"
    ]


def test_a_host_may_use_several_cards_as_one() -> None:
    links = {"bond0": BOND | {"bond": {"members": ["eno1", "eno2"]}, "vlans": {"storage": {"address": "10.10.20.11"}}}}
    assert said({"hosts.dl1.links": links}) == []


def test_the_name_of_a_vlan_interface_fits_linux() -> None:
    links: Changes = {"enp129s0f0np0": BOND, "eno2": {"network": "storage", "address": "10.10.20.11"}}
    assert said({"hosts.dl1.links": links}) == []
    links["enp129s0f0np0"] = BOND | {"vlans": {"storage": {}}}
    assert said({"hosts.dl1.links": links}) == [
        "hosts.dl1.links.enp129s0f0np0.vlans.storage: would be called enp129s0f0np0.20, and Linux takes 15 characters; "
        "give the card a shorter name by its `mac:`"
    ]


def test_a_vlan_interface_is_not_called_like_a_link() -> None:
    links = {"eno1.20": BOND | {"mac": "52:54:00:00:00:01"}, "eno1": {"vlans": {"storage": {"address": "10.10.20.11"}}}}
    assert said({"hosts.dl1.links": links}) == [
        "hosts.dl1.links.eno1.vlans.storage: would be called eno1.20, which is a link of this host; "
        "rename one of the two"
    ]


@pytest.mark.parametrize(
    ("bridge", "reason"),
    [
        ("br-lan", "is the bridge over eno1 of this host already"),
        ("eno1", "is a link of this host already"),
        ("eno2.20", "is VLAN 20 of link eno2 of this host already"),
        ("lo", "is the loopback interface of this host already"),
    ],
)
def test_a_bridge_has_a_name_of_its_own(bridge: str, reason: str) -> None:
    assert said({"hosts.dl1.links.eno2.bridge": bridge}) == [
        f"hosts.dl1.links.eno2.bridge: {bridge} {reason}; give the bridge a name of its own, such as br-lan"
    ]


def test_a_bridge_is_not_called_like_a_card_of_a_bond() -> None:
    links = {"bond0": BOND | {"bond": {"members": ["eno1", "eno3"]}, "bridge": "eno3"}}
    links["eno2"] = {"network": "storage", "address": "10.10.20.11"}
    assert said({"hosts.dl1.links": links}) == [
        "hosts.dl1.links.bond0.bridge: eno3 is a card of bond bond0 of this host already; "
        "give the bridge a name of its own, such as br-lan"
    ]


def test_no_link_is_the_loopback_interface() -> None:
    assert said({"hosts.dl1.links.lo": {}}) == [
        "hosts.dl1.links.lo: is the loopback interface of every machine; name the card"
    ]


def test_two_hosts_may_name_their_bridges_alike() -> None:
    assert said({"hosts.dl1.links.eno2.bridge": "br-sto", "hosts.dl2.links.eno2.bridge": "br-sto"}) == []


def test_a_host_has_one_address_in_a_network() -> None:
    changes = {
        "hosts.dl1.links.eno3": {"network": "lan", "address": "192.168.10.111", "default_route": False},
    }
    assert said(changes) == [
        "hosts.dl1.links.eno3.address: 192.168.10.111 is a second address in network lan, after that of link eno1; "
        "answers would leave by the wrong card: keep one, or make the cards a bond"
    ]


def test_a_host_has_one_bridge_in_a_network() -> None:
    assert said({"hosts.dl1.links.eno3": {"network": "lan", "bridge": "br-two"}}) == [
        "hosts.dl1.links.eno3.bridge: br-two is a second bridge in network lan, after that of link eno1; "
        "guests could be on either: keep one, or make the cards a bond"
    ]


def test_guests_may_have_a_card_of_a_network_for_themselves() -> None:
    links = {
        "eno1": {"network": "lan", "address": "192.168.10.11"},
        "eno2": {"network": "storage", "address": "10.10.20.11"},
        "eno3": {"network": "lan", "bridge": "br-lan"},
    }
    assert said({"hosts.dl1.links": links}) == []


@pytest.mark.parametrize("name", ["bond0", "br-lan", "br0", "eno9.20"])
def test_a_card_is_not_called_like_what_is_made_of_cards(name: str) -> None:
    links = {"eno1": {"network": "lan", "address": "192.168.10.11"}, "eno2": {}, name: {}}
    changes: Changes = {"hosts.dl1.links": links, "volumes": {}, "guests": {}, "clusters": {}}
    assert said(changes) == [
        f"hosts.dl1.links.{name}: is called like a bond, a bridge or a VLAN, and nothing makes it; "
        "name the card (`ip link` shows it); `bond:`, `bridge:` and `vlans:` make the others on it"
    ]
    links[name] = {"mac": "52:54:00:00:00:01"}
    assert said(changes) == []


def test_a_bond_is_of_cards() -> None:
    assert said({"hosts.dl1.links.bond0": {"bond": {"members": ["lo", "eno3", "bond1"]}}}) == [
        "hosts.dl1.links.bond0.bond.members[0]: lo is the loopback interface already; "
        "a card is used once: leave it out of one of the two",
        "hosts.dl1.links.bond0.bond.members[2]: bond1 is called like a bond, a bridge or a VLAN, "
        "and a bond takes network cards only; name the cards, as `ip link` shows them",
    ]


def test_a_card_found_by_its_mac_is_not_called_as_linux_calls_cards() -> None:
    assert said({"hosts.dl1.links.eth0": {}}) == []
    assert said({"hosts.dl1.links.eth0": {"mac": "52:54:00:00:00:01"}}) == [
        "hosts.dl1.links.eth0: is a name that Linux gives out by itself, so the card with this MAC may not get it; "
        "call the link something else, such as lan0"
    ]
