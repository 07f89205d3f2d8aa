from __future__ import annotations

import pytest

from pyhomelab.allocation.identity import guest_mac, host_id, router_id
from tests.labs import said, written

MAC = "52:54:00:00:00:01"


def test_two_cards_may_not_have_one_mac() -> None:
    changes = {"hosts.dl1.links.eno1.mac": MAC.upper(), "hosts.dl2.links.eno1.mac": MAC}
    assert said(changes) == [
        f"hosts.dl2.links.eno1.mac: {MAC} is the MAC of link eno1 of host dl1, too; every network card has its own"
    ]


def test_a_derived_mac_may_not_be_that_of_another_card() -> None:
    derived = guest_mac("home", "k8s-2", "lan")
    assert said({"guests.k8s-1.links.lan.mac": derived}) == [
        f"guests.k8s-2.links.lan: would get the MAC {derived} of guest k8s-1 in network lan; "
        "write another one as its `mac:`"
    ]


def test_a_mac_may_be_written_for_each_card() -> None:
    assert said({"guests.k8s-1.links.lan.mac": MAC, "guests.k8s-2.links.lan.mac": MAC[:-1] + "2"}) == []


def test_two_hosts_may_not_have_one_host_id() -> None:
    assert said({"hosts.dl1.host_id": "8425e349", "hosts.dl3.host_id": "8425e349"}) == [
        "hosts.dl3.host_id: 8425e349 is the host id of host dl1, too; leave one of the two out"
    ]


def test_a_derived_host_id_may_not_be_that_of_another_host() -> None:
    derived = host_id("home", "dl2")
    assert said({"hosts.dl1.host_id": derived}) == [
        f"hosts.dl2: would get the host id {derived} of host dl1; write another `host_id:`"
    ]


def test_a_guest_may_not_get_the_host_id_of_a_host() -> None:
    derived = host_id("home", "k8s-1")
    assert said({"hosts.dl1.host_id": derived}) == [
        f"guests.k8s-1: would get the host id {derived} of host dl1; write another `host_id:` on host dl1, or rename one"
    ]


def test_a_host_id_is_not_zero() -> None:
    assert said({"hosts.dl1.host_id": "00000000"}) == [
        "hosts.dl1.host_id: 00000000 means none at all to ZFS; leave it out, and one is derived"
    ]


@pytest.fixture
def like_home() -> str:
    """Give a name whose router id is that of the cluster home."""
    return next(f"c{number}" for number in range(10_000) if router_id(f"c{number}") == router_id("home"))


def test_two_clusters_in_a_network_have_router_ids_of_their_own(like_home: str) -> None:
    home = written()["clusters"]["home"]
    changes = {
        "clusters.home.servers": ["k8s-1"],
        f"clusters.{like_home}": home | {"servers": ["k8s-2"], "vip": "192.168.10.51"},
    }
    assert said(changes) == [
        f"clusters.{like_home}.vip: 192.168.10.51 would have the VRRP router id {router_id('home')} of cluster home "
        "in network lan; the id comes from the cluster's name: rename one, or move its VIP to another network"
    ]


def test_clusters_without_a_virtual_address_need_no_router_id(like_home: str) -> None:
    changes = {
        "clusters.home.servers": ["k8s-1"],
        f"clusters.{like_home}": {"distribution": "k3s", "servers": ["k8s-2"]},
    }
    assert said(changes) == []
