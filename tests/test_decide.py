"""What is decided for each machine of a lab, where a decision has more than one way."""

from __future__ import annotations

from typing import Any

import pytest

from pyhomelab.decide import decide
from pyhomelab.decide.options import size
from pyhomelab.model.units import GiB, MiB, TiB
from tests.labs import lab


def options(machine: str, changes: dict[str, Any]) -> dict[str, Any]:
    """All `homelab` options of one machine of the test lab after changes."""
    decided = next(one for one in decide(lab(changes)) if one.name == machine)
    return {concern: value for part in decided.parts.values() for concern, value in part.items()}


@pytest.mark.parametrize(("amount", "written"), [(2 * TiB, "2T"), (1536 * GiB, "1536G"), (1536 * MiB, "1536M")])
def test_a_size_is_written_in_its_largest_whole_unit(amount: int, written: str) -> None:
    assert size(amount) == written


def test_the_pod_network_of_k3s_is_said_only_if_it_is_left_to_the_owner() -> None:
    assert "podNetwork" not in options("k8s-1", {})["k3s"]
    assert options("k8s-1", {"clusters.home.pod_network": "none"})["k3s"]["podNetwork"] == "none"


def test_a_single_server_keeps_sqlite_and_three_found_an_etcd() -> None:
    assert options("k8s-1", {})["k3s"]["initialize"] is True
    assert "initialize" not in options("k8s-1", {"clusters.home.servers": ["k8s-1"]})["k3s"]


def test_without_a_vip_nodes_join_through_the_first_server() -> None:
    alone = {"clusters.home.vip": None}
    assert options("k8s-2", alone)["k3s"]["joinAddress"] == "192.168.10.21"
    assert "vip" not in options("k8s-1", alone)


def test_a_gateway_is_used_unless_the_link_says_otherwise() -> None:
    assert options("dl1", {})["network"]["interfaces"]["br-lan"]["gateway"] == "192.168.10.1"
    unused = {"hosts.dl1.links.eno1.default_route": "false"}
    assert "gateway" not in options("dl1", unused)["network"]["interfaces"]["br-lan"]


def test_dhcp_leaves_its_router_unused_if_the_link_says_so() -> None:
    dhcp = {"guests.k8s-1.links.lan": {"address": "dhcp", "default_route": "false"}, "clusters": {}}
    interface = options("k8s-1", dhcp)["network"]["interfaces"]["lan"]
    assert interface == {"network": "lan", "dhcp": True, "defaultRoute": False}


def test_a_network_that_a_link_carries_untagged_needs_no_vlan_of_its_own() -> None:
    assert options("dl1", {})["network"]["vlans"] == {"eno2.20": {"id": 20, "parent": "eno2"}}
    assert "vlans" not in options("dl1", {"hosts.dl1.links.eno2.tagged": "false"})["network"]


def test_the_witness_of_a_volume_has_no_disk_and_makes_none() -> None:
    resource = options("dl3", {})["drbd"]["resources"]["vmstore"]
    assert resource["hosts"]["dl3"]["disk"] is None
    assert "backing" not in resource
