"""What must be unlike on every machine: MAC addresses, host ids, VRRP router ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.allocation.identity import guest_mac, host_ids, router_id
from pyhomelab.errors import Mistake
from pyhomelab.rules.addresses import network_holding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.rules.scope import Path, Scope

_NO_HOST_ID = "00000000"


def macs_are_given_once(scope: Scope) -> Iterator[Mistake]:
    """Refuse a MAC address on two network cards, whether it was written or derived."""
    first: dict[str, str] = {}
    for path, owner, mac, is_written in _macs(scope):
        if mac in first and is_written:
            yield Mistake(path, f"is the MAC of {first[mac]}, too", "every network card has its own")
        elif mac in first:
            reason = f"would get the MAC {mac} of {first[mac]}"
            yield Mistake(path, reason, "write another one as its `mac:`", shows_value=False)
        first.setdefault(mac, owner)


def _macs(scope: Scope) -> Iterator[tuple[Path, str, str, bool]]:
    for name, host in scope.inventory.hosts.items():
        for link_name, link in host.links.items():
            if link.mac is not None:
                path = ("hosts", name, "links", link_name, "mac")
                yield path, f"link {link_name} of host {name}", link.mac, True
    lab = scope.inventory.lab.name
    for name, guest in scope.inventory.guests.items():
        for network, own in guest.links.items():
            link_path = ("guests", name, "links", network)
            owner = f"guest {name} in network {network}"
            if own.mac is not None:
                yield (*link_path, "mac"), owner, own.mac, True
            else:
                yield link_path, owner, guest_mac(lab, name, network), False


def host_ids_are_given_once(scope: Scope) -> Iterator[Mistake]:
    """Refuse a host id of two machines: ZFS would take a pool of the one for its own on the other."""
    first: dict[str, str] = {}
    for name, host_id in host_ids(scope.inventory).items():
        host = scope.inventory.hosts.get(name)
        if host is not None and host.host_id == _NO_HOST_ID:
            yield Mistake(("hosts", name, "host_id"), "means none at all to ZFS", "leave it out, and one is derived")
        elif host_id in first:
            yield _second_host_id(scope, name, host_id, first[host_id])
        first.setdefault(host_id, f"{'host' if host is not None else 'guest'} {name}")


def _second_host_id(scope: Scope, name: str, host_id: str, owner: str) -> Mistake:
    host = scope.inventory.hosts.get(name)
    if host is not None and host.host_id is not None:
        return Mistake(("hosts", name, "host_id"), f"is the host id of {owner}, too", "leave one of the two out")
    section = "hosts" if host is not None else "guests"
    hint = "write another `host_id:`" if host is not None else f"write another `host_id:` on {owner}, or rename one"
    return Mistake((section, name), f"would get the host id {host_id} of {owner}", hint, shows_value=False)


def router_ids_are_given_once(scope: Scope) -> Iterator[Mistake]:
    """Refuse two clusters in one network whose virtual addresses would have the same VRRP router id."""
    first: dict[tuple[str, int], str] = {}
    for name, cluster in scope.inventory.clusters.items():
        network = cluster.network or (network_holding(scope, cluster.vip) if cluster.vip is not None else None)
        if cluster.vip is None or network is None:
            continue
        key = (network, router_id(name))
        if key in first:
            yield Mistake(
                ("clusters", name, "vip"),
                f"would have the VRRP router id {key[1]} of cluster {first[key]} in network {network}",
                "the id comes from the cluster's name: rename one, or move its VIP to another network",
            )
        first.setdefault(key, name)
