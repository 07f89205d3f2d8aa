from __future__ import annotations

import pytest

from tests.labs import REMOVED, Changes, said

NO_VIP: Changes = {"clusters.home.vip": REMOVED}
HOSTS: Changes = {"clusters.home.servers": ["dl1", "dl2", "dl3"]}


def test_the_network_of_a_cluster_exists() -> None:
    assert said({"clusters.home.network": "lam"}) == [
        "clusters.home.network: lam is not a network of this lab; did you mean lan?"
    ]


def test_a_virtual_address_is_in_a_network() -> None:
    assert said({"clusters.home.vip": "172.16.0.1"}) == [
        "clusters.home.vip: 172.16.0.1 is in no network of the lab; "
        "take a free address of 192.168.10.0/24 or 10.10.20.0/24"
    ]


def test_every_member_has_a_fixed_address_where_the_virtual_one_is() -> None:
    line = "k8s-2 has no fixed address in network lan, where cluster home is; give a link of k8s-2 an `address:` in it"
    assert said({"guests.k8s-2.links.lan.address": "dhcp"}) == [f"clusters.home.servers[1]: {line}"]
    changes: Changes = {"clusters.home.servers": ["k8s-1"], "clusters.home.agents": ["k8s-2"]}
    assert said(changes | {"guests.k8s-2.links.lan.address": "dhcp"}) == [f"clusters.home.agents[0]: {line}"]


def test_every_member_has_a_fixed_address_in_the_stated_network() -> None:
    assert said(HOSTS | NO_VIP | {"clusters.home.network": "storage"}) == []
    assert said(NO_VIP | {"clusters.home.network": "storage"}) == [
        f"clusters.home.servers[{index}]: k8s-{index + 1} has no fixed address in network storage, "
        f"where cluster home is; give a link of k8s-{index + 1} an `address:` in it"
        for index in range(3)
    ]


def test_members_have_a_network_in_common() -> None:
    assert said(NO_VIP) == []
    assert said(NO_VIP | {"guests.k8s-3.links.lan.address": "dhcp"}) == [
        "clusters.home.servers[2]: k8s-3 has no fixed address in network lan, where cluster home is; "
        "give a link of k8s-3 an `address:` in it"
    ]


def test_a_single_server_has_a_fixed_address() -> None:
    changes: Changes = {"clusters.home.servers": ["k8s-1"], "guests.k8s-1.links.lan.address": "dhcp"}
    assert said(NO_VIP | changes) == [
        "clusters.home.servers[0]: k8s-1 has no fixed address in network lan, where cluster home is; "
        "give a link of k8s-1 an `address:` in it"
    ]


@pytest.mark.parametrize("cidr", ["10.42.0.0/22", "10.128.0.0/9", "10.0.0.0/8"])
def test_a_pod_range_is_shared_out_among_the_members(cidr: str) -> None:
    changes: Changes = {"networks.storage.cidr": "172.16.0.0/24", "volumes": {}}
    for number in (1, 2, 3):
        changes[f"hosts.dl{number}.links.eno2.address"] = f"172.16.0.1{number}"
    changes |= {"clusters.home.pod_cidr": cidr, "clusters.home.service_cidr": "172.30.0.0/16"}
    assert said(changes) == []


def test_a_pod_range_has_a_share_for_every_member() -> None:
    assert said({"clusters.home.pod_cidr": "10.42.0.0/23"}) == [
        "clusters.home.pod_cidr: 10.42.0.0/23 is too small: each of 3 machines takes a /24 of it; "
        "set it to a /22 or larger"
    ]
    assert said({"clusters.home.pod_cidr": "10.42.0.0/25", "clusters.home.servers": ["k8s-1"]}) == [
        "clusters.home.pod_cidr: 10.42.0.0/25 is too small: each of 1 machine takes a /24 of it; "
        "set it to a /24 or larger"
    ]


def test_a_pod_range_is_not_too_large_to_be_shared_out() -> None:
    assert said({"clusters.home.pod_cidr": "64.0.0.0/6"}) == [
        "clusters.home.pod_cidr: 64.0.0.0/6 is larger than Kubernetes can share out among machines, each with a /24; "
        "set it to a /8 or smaller"
    ]


@pytest.mark.parametrize("cidr", ["10.96.0.0/11", "10.43.0.0/29"])
def test_a_service_range_is_one_that_the_api_server_takes(cidr: str) -> None:
    assert said({"clusters.home.service_cidr": cidr}) == [
        f"clusters.home.service_cidr: {cidr} is not a size that the API server takes; "
        "set `service_cidr:` to a range from /12 to /28"
    ]


@pytest.mark.parametrize("cidr", ["10.96.0.0/12", "10.43.0.0/28"])
def test_any_service_range_between_will_do(cidr: str) -> None:
    assert said({"clusters.home.service_cidr": cidr}) == []


def test_nodes_of_ipv6_have_pods_and_services_of_ipv6() -> None:
    changes: Changes = {
        "networks.lan": {"cidr": "fd00:10::/64"},
        "clusters.home.vip": "fd00:10::50",
        "clusters.home.service_cidr": "fd00:43::/112",
    }
    for number in (1, 2, 3):
        changes[f"hosts.dl{number}.links.eno1.address"] = f"fd00:10::1{number}"
        changes[f"guests.k8s-{number}.links.lan.address"] = f"fd00:10::2{number}"
    assert said(changes) == [
        "clusters.home.pod_cidr: 10.42.0.0/16 is IPv4, and nodes talk over network lan (fd00:10::/64); "
        "set `pod_cidr:` to an IPv6 range"
    ]
    assert said(changes | {"clusters.home.pod_cidr": "fd00:42::/56"}) == []
