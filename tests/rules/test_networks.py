from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhomelab.rules.networks import Ranges
from tests.labs import said


@pytest.mark.parametrize("cidr", ["192.168.10.0/24", "192.168.0.0/16", "192.168.10.128/25"])
def test_networks_may_not_share_addresses(cidr: str) -> None:
    assert said({"networks.iot": {"cidr": cidr}}) == [
        f"networks.iot.cidr: {cidr} overlaps network lan (192.168.10.0/24); give each network addresses of its own"
    ]


def test_networks_may_lie_side_by_side() -> None:
    assert said({"networks.iot": {"cidr": "192.168.11.0/24"}}) == []


@pytest.mark.parametrize("cidr", ["127.0.0.0/8", "224.0.0.0/24", "169.254.0.0/16", "fe80::/64", "0.0.0.0/0"])
def test_networks_are_ranges_that_machines_can_have(cidr: str) -> None:
    reason = "is not a range for a network of machines"
    hint = "choose one of 192.168.0.0/16, 10.0.0.0/8, 172.16.0.0/12 or fd00::/8"
    lines = said({"networks": {"odd": {"cidr": cidr}}, "hosts": {}} | _nothing_else())
    assert lines == [f"networks.odd.cidr: {cidr} {reason}; {hint}"]


def _nothing_else() -> dict[str, dict[str, object]]:
    host = {
        "cpu_threads": "4",
        "memory": "8GiB",
        "boot": {"disk": "/dev/disk/by-id/nvme-1"},
        "links": {"eno1": {"network": "odd", "address": "dhcp"}},
    }
    return {"hosts": {"mini": host}, "volumes": {}, "guests": {}, "clusters": {}}


@pytest.mark.parametrize(
    ("gateway", "reason"),
    [
        ("192.168.11.1", "is outside network lan (192.168.10.0/24)"),
        ("192.168.10.0", "is the address of network lan itself"),
        ("192.168.10.255", "is the broadcast address of network lan"),
        ("fd00::1", "is an IPv6 address, and network lan is 192.168.10.0/24"),
    ],
)
def test_a_gateway_lies_in_its_network(gateway: str, reason: str) -> None:
    assert said({"networks.lan.gateway": gateway}) == [
        f"networks.lan.gateway: {gateway} {reason}; write the router's address in 192.168.10.0/24"
    ]


def test_a_gateway_may_be_the_last_address() -> None:
    assert said({"networks.lan.gateway": "192.168.10.254"}) == []


@pytest.mark.parametrize(
    ("key", "cidr"), [("pod_cidr", "192.168.0.0/16"), ("service_cidr", "10.10.16.0/20"), ("pod_cidr", "10.10.0.0/16")]
)
def test_clusters_do_not_use_addresses_of_the_lab_inside(key: str, cidr: str) -> None:
    network = "lan (192.168.10.0/24)" if cidr.startswith("192") else "storage (10.10.20.0/24)"
    assert said({f"clusters.home.{key}": cidr}) == [
        f"clusters.home.{key}: {cidr} overlaps network {network}; "
        f"set `{key}:` to a range that nothing else in the lab uses"
    ]


def test_the_default_range_of_pods_is_kept_free_of_networks_too() -> None:
    assert said({"networks.odd": {"cidr": "10.42.7.0/24"}}) == [
        "clusters.home.pod_cidr: 10.42.0.0/16 overlaps network odd (10.42.7.0/24); "
        "set `pod_cidr:` to a range that nothing else in the lab uses"
    ]


def test_pods_and_services_of_a_cluster_have_ranges_of_their_own() -> None:
    assert said({"clusters.home.service_cidr": "10.42.16.0/20"}) == [
        "clusters.home.service_cidr: 10.42.16.0/20 overlaps the addresses of pods (10.42.0.0/16); "
        "give `pod_cidr` and `service_cidr` ranges of their own"
    ]


def test_two_clusters_may_use_the_same_addresses_inside() -> None:
    changes = {
        "clusters.home.servers": ["k8s-1"],
        "clusters.test": {"distribution": "k3s", "servers": ["k8s-2"]},
    }
    assert said(changes) == []


_networks = st.builds(
    lambda number, length: IPv4Network((number, length), strict=False), st.integers(0, 2**32 - 1), st.integers(4, 32)
)


@given(st.lists(_networks, max_size=12), _networks)
def test_ranges_overlap_as_the_standard_library_says(networks: list[IPv4Network], asked: IPv4Network) -> None:
    ranges = Ranges()
    by_name = {f"n{number}": network for number, network in enumerate(networks)}
    for name, network in by_name.items():
        ranges.add(name, network)
    found = ranges.overlapping(asked)
    assert (found is not None) == any(asked.overlaps(network) for network in networks)
    assert found is None or asked.overlaps(by_name[found])
