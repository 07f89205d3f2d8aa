from __future__ import annotations

from tests.labs import REMOVED, Changes, said

IOT: Changes = {
    "networks.iot": {"cidr": "10.1.0.0/24", "vlan": "30", "gateway": "10.1.0.1"},
    "hosts.dl1.links.eno1.vlans": {"iot": {"address": "10.1.0.11"}},
}


def test_a_host_has_an_address() -> None:
    changes = {"hosts.dl4": {"cpu_threads": "4", "memory": "8GiB", "boot": {"disk": "/dev/disk/by-id/ata-4"}}}
    changes["hosts.dl4"]["links"] = {"eno1": {"network": "lan"}}
    assert said(changes) == [
        "hosts.dl4.links: give the machine no address, so that nobody can reach it; "
        "give one of its links an `address:`, or `address: dhcp`"
    ]
    assert said(changes | {"hosts.dl4.links.eno1.address": "dhcp"}) == []


def test_a_guest_has_an_address() -> None:
    assert said({"guests.k8s-1.links.lan.address": REMOVED, "clusters": {}}) == [
        "guests.k8s-1.links: give the machine no address, so that nobody can reach it; "
        "give one of its links an `address:`, or `address: dhcp`"
    ]


def test_a_machine_has_one_default_route() -> None:
    assert said(IOT) == [
        "hosts.dl1.links.eno1.vlans.iot: would be a second default route, by the gateway of network iot "
        "beside that of network lan; write `default_route: false` where it is not wanted"
    ]


def test_a_second_gateway_may_be_left_unused() -> None:
    assert said(IOT | {"hosts.dl1.links.eno1.vlans.iot.default_route": False}) == []
    assert said(IOT | {"hosts.dl1.links.eno1.default_route": False}) == []


def test_a_network_that_a_host_only_bridges_gives_it_no_route() -> None:
    assert said(IOT | {"hosts.dl1.links.eno1.vlans": {"iot": {"bridge": "br-iot"}}}) == []


def test_a_machine_has_one_default_route_for_each_kind_of_address() -> None:
    changes = {
        "networks.six": {"cidr": "fd00:10::/64", "gateway": "fd00:10::1"},
        "hosts.dl1.links.eno3": {"network": "six", "address": "fd00:10::11"},
    }
    assert said(changes) == []
