"""Interfaces that are up, with the addresses and the default routes that the inventory gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.checks.check import Check, script
from pyhomelab.model.network import DHCP

if TYPE_CHECKING:
    from pyhomelab.decide.overview import Interface, Overview
    from pyhomelab.model import Net

_PATIENCE = 60
_IS_UP = """
    line=$(ip -o link show dev "$INTERFACE") || exit 1
    flags=${line#*<}
    case ,${flags%%>*}, in
    *,LOWER_UP,*) ;;
    *,UP,*) echo "$INTERFACE has no link: is the cable in?" && exit 1 ;;
    *) echo "$INTERFACE is down" && exit 1 ;;
    esac
"""
_HAS_ADDRESS = """
    others=
    found=
    while read -r _ _ _ address rest; do
        if [ "$address" = "$ADDRESS" ]; then found="yes $rest"; else others="$others $address"; fi
    done <<END
    $(ip -o addr show dev "$INTERFACE")
    END
    case $found in
    "") echo "$INTERFACE does not have $ADDRESS; it has:${others:- nothing}" && exit 1 ;;
    *dadfailed*) echo "another machine has $ADDRESS" && exit 1 ;;
    *tentative*) echo "$ADDRESS is not in use yet" && exit 1 ;;
    esac
"""
_HAS_LEASE = """
    line=$(ip -o "$FAMILY" addr show dev "$INTERFACE" scope global) || exit 1
    [ -n "$line" ] || { echo "$INTERFACE was given no address"; exit 1; }
"""
_HAS_ROUTE = """
    found=$(ip "$FAMILY" route show default via "$GATEWAY" dev "$INTERFACE") || exit 1
    [ -z "$found" ] || exit 0
    others=$(ip "$FAMILY" route show default)
    echo "no default route by $GATEWAY on $INTERFACE; there is: ${others:-none}"
    exit 1
"""
_HAS_LEASED_ROUTE = """
    found=$(ip "$FAMILY" route show default dev "$INTERFACE") || exit 1
    [ -n "$found" ] || { echo "no default route on $INTERFACE"; exit 1; }
"""


def network_checks(overview: Overview, machine: str) -> list[Check]:
    """Ask for every interface of a machine that is in a network, and for its ways out."""
    networks = overview.inventory.networks
    return [
        check
        for interface in overview.interfaces[machine]
        for check in _interface_checks(machine, interface, networks[interface.network])
    ]


def _interface_checks(machine: str, interface: Interface, net: Net) -> list[Check]:
    name, family = interface.name, f"-{net.cidr.version}"
    if interface.address is None:
        return [_check(machine, name, f"{name} is up", _IS_UP)]
    if interface.address == DHCP:
        found = [_check(machine, name, f"{name} is up and was given an address", _IS_UP + _HAS_LEASE, FAMILY=family)]
        if interface.default_route and net.gateway is not None:
            found.append(_check(machine, name, f"the default route is on {name}", _HAS_LEASED_ROUTE, FAMILY=family))
        return found
    address = f"{interface.address}/{net.cidr.prefixlen}"
    found = [_check(machine, name, f"{name} is up and has {address}", _IS_UP + _HAS_ADDRESS, ADDRESS=address)]
    if interface.default_route and net.gateway is not None:
        by = f"the default route is by {net.gateway} on {name}"
        found.append(_check(machine, name, by, _HAS_ROUTE, GATEWAY=str(net.gateway), FAMILY=family))
    return found


def _check(machine: str, interface: str, name: str, text: str, **values: str) -> Check:
    mend = f"on {machine}, `networkctl status {interface}` and `journalctl -eu systemd-networkd` say what it lacks"
    return Check(name, "network", script(text, needs=("ip",), INTERFACE=interface, **values), _PATIENCE, mend)
