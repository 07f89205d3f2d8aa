"""Interfaces, addresses and routes, by the real ip of a network of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.checks.asking import check_of
from tests.modules.programs import apart, needs

if TYPE_CHECKING:
    from tests.labs import Changes

pytestmark = needs("iproute2", "ip", "unshare")

ADDRESS = "br-lan is up and has 192.168.10.11/24"
ROUTE = "the default route is by 192.168.10.1 on br-lan"
BRIDGE = "ip link add br-lan type bridge; ip link add port type veth peer name cable; ip link set port master br-lan"
UP = f"{BRIDGE}; ip link set port up; ip link set cable up; ip link set br-lan up"
ADDRESSED = f"{UP}; ip addr add 192.168.10.11/24 dev br-lan"
ROUTED = f"{ADDRESSED}; ip route add default via 192.168.10.1"
DHCP = {"hosts.dl1.links.eno1": {"network": "lan", "bridge": "br-lan", "address": "dhcp"}}
V6 = {
    "networks.lan": {"cidr": "fd00:1::/64", "gateway": "fd00:1::1"},
    "hosts.dl1.links.eno1": {"network": "lan", "bridge": "br-lan", "address": "fd00:1::11"},
}


def found(name: str, network: str, changes: Changes | None = None) -> tuple[int, str]:
    script = check_of("dl1", name, changes).script
    done = apart('eval "$1"; sleep 0.3; set +e; sh -c "$2"; echo "code $?"', network, script)
    *lines, code = done.stdout.strip().split("\n")
    return int(code.removeprefix("code ")), "\n".join(lines).strip()


@pytest.mark.parametrize(
    ("name", "network"),
    [(ADDRESS, ADDRESSED), (ROUTE, ROUTED), (ROUTE, f"{ROUTED}; ip addr add fd00::1/64 dev br-lan")],
)
def test_a_network_as_it_is_declared_holds(name: str, network: str) -> None:
    assert found(name, network) == (0, "")


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("true", 'Device "br-lan" does not exist.'),
        (f"{BRIDGE}; ip addr add 192.168.10.11/24 dev br-lan", "br-lan is down"),
        (f"{UP}; ip link set cable down", "br-lan has no link: is the cable in?"),
    ],
)
def test_an_interface_that_is_not_up_says_what_it_lacks(network: str, said: str) -> None:
    assert found(ADDRESS, network) == (1, said)


@pytest.mark.parametrize("address", ["192.168.10.12/24", "192.168.10.11/25", "92.168.10.11/24"])
def test_another_address_is_not_taken_for_the_right_one(address: str) -> None:
    network = f"{UP}; ip link set br-lan addrgenmode none; ip link set br-lan down; ip link set br-lan up"
    assert found(ADDRESS, f"{network}; ip addr add {address} dev br-lan") == (
        1,
        f"br-lan does not have 192.168.10.11/24; it has: {address}",
    )


def test_a_default_route_elsewhere_is_named() -> None:
    assert found(ROUTE, f"{ADDRESSED}; ip route add default via 192.168.10.254") == (
        1,
        "no default route by 192.168.10.1 on br-lan; there is: default via 192.168.10.254 dev br-lan",
    )
    assert found(ROUTE, ADDRESSED) == (1, "no default route by 192.168.10.1 on br-lan; there is: none")


def test_ipv6_is_asked_as_ipv6() -> None:
    network = f"{UP}; ip addr add fd00:1::11/64 dev br-lan nodad; ip -6 route add default via fd00:1::1 dev br-lan"
    assert found("br-lan is up and has fd00:1::11/64", network, V6) == (0, "")
    assert found("the default route is by fd00:1::1 on br-lan", network, V6) == (0, "")


def test_an_address_that_another_machine_has_is_said_to_be_so() -> None:
    # The kernel looks for the other one at the far end of the cable, when the link comes up.
    other = "ip addr add fd00:1::11/64 dev cable nodad"
    network = f"{BRIDGE}; ip link set cable up; {other}; ip link set port up; ip link set br-lan up"
    assert found(
        "br-lan is up and has fd00:1::11/64", f"{network}; ip addr add fd00:1::11/64 dev br-lan; sleep 3", V6
    ) == (
        1,
        "another machine has fd00:1::11/64",
    )


@pytest.mark.parametrize(
    ("network", "expected"),
    [(ADDRESSED, (0, "")), (UP, (1, "br-lan was given no address")), (BRIDGE, (1, "br-lan is down"))],
)
def test_whatever_address_dhcp_gave_is_one(network: str, expected: tuple[int, str]) -> None:
    assert found("br-lan is up and was given an address", network, DHCP) == expected


@pytest.mark.parametrize(("network", "expected"), [(ROUTED, (0, "")), (ADDRESSED, (1, "no default route on br-lan"))])
def test_whatever_route_dhcp_gave_is_one(network: str, expected: tuple[int, str]) -> None:
    assert found("the default route is on br-lan", network, DHCP) == expected
