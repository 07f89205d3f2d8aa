"""Where the nodes of a cluster talk, and the addresses that they use inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake
from pyhomelab.rules.addresses import network_holding
from pyhomelab.rules.clusters import members_of
from pyhomelab.text.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Cluster, Net
    from pyhomelab.rules.scope import Path, Scope

_NODE_BITS = {4: 8, 6: 64}  # addresses of one node's pods, as k3s and kubeadm cut them: a /24 or a /64
_MOST_SHARES = 16  # a pod range is cut into 2^16 at most
_SERVICE_BITS = (20, 4)  # the API server takes at most 20 bits; the tenth address is the resolver's


def cluster_networks_exist(scope: Scope) -> Iterator[Mistake]:
    """Refuse a network or a VIP that is nowhere in the lab."""
    for name, cluster in scope.inventory.clusters.items():
        if cluster.network is not None:
            yield from scope.unknown(("clusters", name, "network"), cluster.network, "network", "networks")
        elif cluster.vip is not None and scope.is_whole("networks") and not network_holding(scope, cluster.vip):
            ranges = listed([str(net.cidr) for net in scope.inventory.networks.values()][:8], last="or")
            yield Mistake(("clusters", name, "vip"), "is in no network of the lab", f"take a free address of {ranges}")


def members_are_in_the_network(scope: Scope) -> Iterator[Mistake]:
    """Refuse members without a fixed address in the cluster's network, or in the one most others share."""
    for name, cluster in scope.inventory.clusters.items():
        network = _stated_network(scope, cluster)
        if network is None and cluster.network is None and cluster.vip is None:
            network = _most_common_network(scope, cluster)
        if network is None:
            continue
        for path, member in members_of(name, cluster):
            if scope.machine(member) is not None and network not in scope.fixed.get(member, {}):
                reason = f"has no fixed address in network {network}, where cluster {name} is"
                yield Mistake(path, reason, f"give a link of {member} an `address:` in it")


def _stated_network(scope: Scope, cluster: Cluster) -> str | None:
    network = cluster.network or (network_holding(scope, cluster.vip) if cluster.vip is not None else None)
    return network if network in scope.inventory.networks else None


def _most_common_network(scope: Scope, cluster: Cluster) -> str | None:
    """Give the network that the most members have a fixed address in; None if there is none to compare."""
    counts: dict[str, int] = {}
    for member in cluster.members:
        for network in scope.fixed.get(member, {}):
            counts[network] = counts.get(network, 0) + 1
    known = {network: count for network, count in counts.items() if network in scope.inventory.networks}
    fallback = next(iter(scope.inventory.networks), None)
    return max(known, key=lambda network: known[network]) if known else fallback


def ranges_suit_the_cluster(scope: Scope) -> Iterator[Mistake]:
    """Refuse ranges that cannot be shared out among the machines, and sizes that the API server refuses."""
    for name, cluster in scope.inventory.clusters.items():
        yield from _pod_range(("clusters", name, "pod_cidr"), cluster)
        services = cluster.service_cidr
        shortest, longest = (services.max_prefixlen - bits for bits in _SERVICE_BITS)
        if not shortest <= services.prefixlen <= longest:
            reason = f"{services} is not a size that the API server takes"
            hint = f"set `service_cidr:` to a range from /{shortest} to /{longest}"
            yield Mistake(("clusters", name, "service_cidr"), reason, hint, shows_value=False)


def _pod_range(path: Path, cluster: Cluster) -> Iterator[Mistake]:
    pods, count = cluster.pod_cidr, len(cluster.members)
    node = pods.max_prefixlen - _NODE_BITS[pods.version]
    longest = node - (count - 1).bit_length()
    if pods.prefixlen > longest:
        reason = f"is too small: each of {counted(count, 'machine')} takes a /{node} of it"
        yield Mistake(path, reason, f"set it to a /{longest} or larger")
    elif node - pods.prefixlen > _MOST_SHARES:
        reason = f"is larger than Kubernetes can share out among machines, each with a /{node}"
        yield Mistake(path, reason, f"set it to a /{node - _MOST_SHARES} or smaller")


def ranges_are_of_one_family(scope: Scope) -> Iterator[Mistake]:
    """Refuse IPv4 inside a cluster whose nodes talk IPv6, and the reverse."""
    for name, cluster in scope.inventory.clusters.items():
        network = _stated_network(scope, cluster) or _most_common_network(scope, cluster)
        net: Net | None = scope.inventory.networks.get(network or "")
        if net is None:
            continue
        for key, cidr in (("pod_cidr", cluster.pod_cidr), ("service_cidr", cluster.service_cidr)):
            if cidr.version != net.cidr.version:
                reason = f"{cidr} is IPv{cidr.version}, and nodes talk over network {network} ({net.cidr})"
                hint = f"set `{key}:` to an IPv{net.cidr.version} range"
                yield Mistake(("clusters", name, key), reason, hint, shows_value=False)
