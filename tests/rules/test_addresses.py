from __future__ import annotations

import pytest

from pyhomelab.rules.addresses import network_holding
from pyhomelab.rules.scope import Scope
from tests.labs import REMOVED, lab, said, written

ENO1 = "hosts.dl1.links.eno1.address"
FREE = "take a free address of 192.168.10.0/24"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("192.168.11.11", "is outside network lan (192.168.10.0/24)"),
        ("192.168.10.0", "is the address of network lan itself"),
        ("192.168.10.255", "is the broadcast address of network lan"),
        ("192.168.10.1", "is the gateway of network lan"),
        ("fd00::11", "is an IPv6 address, and network lan is 192.168.10.0/24"),
    ],
)
def test_an_address_is_one_that_a_machine_of_the_network_can_have(address: str, reason: str) -> None:
    assert said({ENO1: address}) == [f"{ENO1}: {address} {reason}; {FREE}"]


@pytest.mark.parametrize("address", ["192.168.10.2", "192.168.10.254", "dhcp"])
def test_any_other_address_of_the_network_will_do(address: str) -> None:
    assert said({ENO1: address}) == []


def test_both_addresses_of_a_line_between_two_machines_can_be_used() -> None:
    changes = {
        "networks.line": {"cidr": "10.9.9.8/31"},
        "hosts.dl1.links.eno3": {"network": "line", "address": "10.9.9.8"},
        "hosts.dl2.links.eno3": {"network": "line", "address": "10.9.9.9"},
    }
    assert said(changes) == []


def test_an_ipv6_network_has_no_broadcast_address() -> None:
    link = {"network": "six", "address": "fd00:10::ffff:ffff:ffff:ffff"}
    assert said({"networks.six": {"cidr": "fd00:10::/64"}, "hosts.dl1.links.eno3": link}) == []


def test_the_address_of_a_tagged_network_is_checked_where_it_stands() -> None:
    changes = {"hosts.dl1.links.eno2": REMOVED, "volumes": {}}
    path = "hosts.dl1.links.eno1.vlans.storage.address"
    assert said(changes | {"hosts.dl1.links.eno1.vlans": {"storage": {"address": "10.10.21.11"}}}) == [
        f"{path}: 10.10.21.11 is outside network storage (10.10.20.0/24); take a free address of 10.10.20.0/24"
    ]


def test_two_hosts_may_not_share_an_address() -> None:
    assert said({"hosts.dl2.links.eno1.address": "192.168.10.11"}) == [
        f"hosts.dl2.links.eno1.address: 192.168.10.11 is the address of host dl1, too; {FREE}"
    ]


def test_a_guest_may_not_have_the_address_of_a_host() -> None:
    assert said({"guests.k8s-1.links.lan.address": "192.168.10.13"}) == [
        f"guests.k8s-1.links.lan.address: 192.168.10.13 is the address of host dl3, too; {FREE}"
    ]


@pytest.mark.parametrize(
    ("vip", "reason"),
    [
        ("192.168.10.21", "is the address of guest k8s-1, too"),
        ("192.168.10.1", "is the gateway of network lan"),
        ("192.168.10.255", "is the broadcast address of network lan"),
    ],
)
def test_a_virtual_address_is_one_that_nobody_else_has(vip: str, reason: str) -> None:
    assert said({"clusters.home.vip": vip}) == [f"clusters.home.vip: {vip} {reason}; {FREE}"]


def test_a_virtual_address_lies_in_the_stated_network() -> None:
    assert said({"clusters.home.vip": "10.10.20.50", "clusters.home.network": "lan"}) == [
        f"clusters.home.vip: 10.10.20.50 is outside network lan (192.168.10.0/24); {FREE}"
    ]


def test_two_clusters_may_not_share_a_virtual_address() -> None:
    home = written()["clusters"]["home"]
    changes = {"clusters.home.servers": ["k8s-1"], "clusters.test": home | {"servers": ["k8s-2"]}}
    assert said(changes) == [f"clusters.test.vip: 192.168.10.50 is the address of cluster home, too; {FREE}"]


def test_an_address_needs_a_network() -> None:
    changes = {"hosts.dl1.links.eno3": {"address": "192.168.10.99"}}
    assert said(changes) == [
        "hosts.dl1.links.eno3.address: 192.168.10.99 is the address of a link that is in no network; "
        "add `network:` beside it (lan or storage)"
    ]


def test_an_address_that_dhcp_gives_needs_a_network_too() -> None:
    assert said({"hosts.dl1.links.eno3": {"address": "dhcp"}}) == [
        "hosts.dl1.links.eno3.address: dhcp is the address of a link that is in no network; "
        "add `network:` beside it (lan or storage)"
    ]


def test_the_network_of_an_address_is_found() -> None:
    scope = Scope(lab())
    assert network_holding(scope, scope.inventory.networks["lan"].cidr[7]) == "lan"
