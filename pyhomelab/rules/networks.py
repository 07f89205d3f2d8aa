"""Networks: usable, apart from one another, and apart from what clusters use inside."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake
from pyhomelab.rules.addresses import gateway_misfit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Cluster
    from pyhomelab.model.base import Network
    from pyhomelab.rules.scope import Scope

_Key = tuple[int, int, int]


class Ranges:
    """Networks by name, and which of them another overlaps: of two that overlap, one holds the other."""

    def __init__(self) -> None:
        self._names: dict[_Key, str] = {}
        self._lengths: set[tuple[int, int]] = set()
        self._starts: list[tuple[int, int, str]] = []

    def add(self, name: str, network: Network) -> None:
        """Add a network."""
        version, length = network.version, network.prefixlen
        self._lengths.add((version, length))
        self._names.setdefault(_key(network, length), name)
        insort(self._starts, (version, int(network.network_address), name))

    def overlapping(self, network: Network) -> str | None:
        """Give the name of a network that holds this one or lies in it."""
        for version, length in sorted(self._lengths):
            if version == network.version and length <= network.prefixlen:
                name = self._names.get(_key(network, length))
                if name is not None:
                    return name
        version, start = network.version, int(network.network_address)
        index = bisect_left(self._starts, (version, start, ""))
        inside = index < len(self._starts) and self._starts[index][:2] <= (
            version,
            int(network.broadcast_address),
        )
        return self._starts[index][2] if inside else None


def _key(network: Network, length: int) -> _Key:
    return network.version, length, int(network.network_address) >> (network.max_prefixlen - length)


def networks_lie_apart(scope: Scope) -> Iterator[Mistake]:
    """Refuse networks that share addresses."""
    ranges = Ranges()
    for name, net in scope.inventory.networks.items():
        other = ranges.overlapping(net.cidr)
        if other is not None:
            yield Mistake(
                ("networks", name, "cidr"),
                f"overlaps network {other} ({scope.inventory.networks[other].cidr})",
                "give each network addresses of its own",
            )
        ranges.add(name, net.cidr)


def networks_are_usable(scope: Scope) -> Iterator[Mistake]:
    """Refuse address ranges that machines cannot have, and gateways outside of their network."""
    for name, net in scope.inventory.networks.items():
        cidr = net.cidr
        if cidr.is_multicast or cidr.is_loopback or cidr.is_link_local or cidr.network_address.is_unspecified:
            yield Mistake(
                ("networks", name, "cidr"),
                "is not a range for a network of machines",
                "choose one of 192.168.0.0/16, 10.0.0.0/8, 172.16.0.0/12 or fd00::/8",
            )
        else:
            yield from gateway_misfit(name, net)


def clusters_stay_out_of_networks(scope: Scope) -> Iterator[Mistake]:
    """Refuse pod and service addresses that the lab uses; two clusters may use the same ones inside."""
    ranges = Ranges()
    for name, net in scope.inventory.networks.items():
        ranges.add(name, net.cidr)
    for name, cluster in scope.inventory.clusters.items():
        yield from _overlaps(scope, ranges, name, cluster)
        if cluster.pod_cidr.overlaps(cluster.service_cidr):
            yield Mistake(
                ("clusters", name, "service_cidr"),
                f"{cluster.service_cidr} overlaps the addresses of pods ({cluster.pod_cidr})",
                "give `pod_cidr` and `service_cidr` ranges of their own",
                shows_value=False,
            )


def _overlaps(scope: Scope, ranges: Ranges, name: str, cluster: Cluster) -> Iterator[Mistake]:
    for key, cidr in (("pod_cidr", cluster.pod_cidr), ("service_cidr", cluster.service_cidr)):
        network = ranges.overlapping(cidr)
        if network is not None:
            yield Mistake(
                ("clusters", name, key),
                f"{cidr} overlaps network {network} ({scope.inventory.networks[network].cidr})",
                f"set `{key}:` to a range that nothing else in the lab uses",
                shows_value=False,
            )
