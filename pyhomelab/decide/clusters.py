"""What a Kubernetes node needs: its role, how it joins, and the virtual address of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.allocation.identity import router_id
from pyhomelab.decide.options import Options, stated

if TYPE_CHECKING:
    from pyhomelab.decide.overview import Overview
    from pyhomelab.model import Cluster

_API_PORT = 6443
_HIGHEST_PRIORITY = 150


def cluster_options(overview: Overview, name: str) -> Options:
    """Give `homelab.k3s` or `homelab.kubeadm` of a machine that is in a cluster."""
    cluster_name = overview.cluster_of.get(name)
    if cluster_name is None:
        return {}
    cluster = overview.inventory.clusters[cluster_name]
    common = _common(overview, cluster_name, cluster, name)
    own = _k3s(overview, cluster, name) if cluster.distribution == "k3s" else _kubeadm(overview, cluster, name)
    last = stated(
        {
            "labels": dict(cluster.labels.get(name, {})),
            "taints": list(cluster.taints.get(name, ())),
            "registryMirrors": {registry: list(urls) for registry, urls in cluster.registry_mirrors.items()},
            "extraFlags": list(cluster.extra_flags),
        }
    )
    return {cluster.distribution: {**common, **own, **last}}


def _common(overview: Overview, cluster_name: str, cluster: Cluster, name: str) -> Options:
    network = overview.network_of(cluster)
    return {
        "enable": True,
        "cluster": cluster_name,
        "role": "server" if name in cluster.servers else "agent",
        "version": cluster.version,
        "interface": overview.interface_in(name, network).name,
        "nodeIp": overview.address_in(name, network),
        "servers": {server: overview.address_in(server, network) for server in cluster.servers},
        "podCidr": str(cluster.pod_cidr),
        "serviceCidr": str(cluster.service_cidr),
        "clusterDomain": cluster.cluster_domain,
    }


def _k3s(overview: Overview, cluster: Cluster, name: str) -> Options:
    founds = name == cluster.servers[0]
    own = stated(
        {
            # one server alone keeps SQLite; embedded etcd is for those who will be several
            "initialize": True if founds and len(cluster.servers) > 1 else None,
            "joinAddress": None if founds else api_address(overview, cluster),
            "clusterDns": str(cluster.service_cidr[10]),
            "tlsSans": _tls_names(cluster),
            "podNetwork": cluster.pod_network if cluster.pod_network != "flannel" else None,
        }
    )
    return {**own, "components": list(cluster.components)}


def _kubeadm(overview: Overview, cluster: Cluster, name: str) -> Options:
    return stated(
        {
            "initialize": True if name == cluster.servers[0] else None,
            "endpoint": f"{api_address(overview, cluster)}:{_API_PORT}",
            "tlsSans": _tls_names(cluster),
            "podNetwork": cluster.pod_network,
        }
    )


def _tls_names(cluster: Cluster) -> list[str]:
    return [*([str(cluster.vip)] if cluster.vip is not None else []), *cluster.tls_names]


def api_address(overview: Overview, cluster: Cluster) -> str:
    """Give the address at which nodes reach the API: the virtual one, else that of the first server."""
    if cluster.vip is not None:
        return str(cluster.vip)
    return overview.address_in(cluster.servers[0], overview.network_of(cluster))


def vip_options(overview: Overview, name: str) -> Options:
    """Give `homelab.vip` of a server whose cluster has a virtual address."""
    cluster_name = overview.cluster_of.get(name)
    cluster = overview.inventory.clusters[cluster_name] if cluster_name is not None else None
    if cluster is None or cluster_name is None or cluster.vip is None or name not in cluster.servers:
        return {}
    network = overview.network_of(cluster)
    addresses = {server: overview.address_in(server, network) for server in cluster.servers}
    return {
        "vip": {
            "enable": True,
            "address": str(cluster.vip),
            "prefixLength": overview.inventory.networks[network].cidr.prefixlen,
            "interface": overview.interface_in(name, network).name,
            "routerId": router_id(cluster_name),
            "priority": _HIGHEST_PRIORITY - 10 * cluster.servers.index(name),
            "source": addresses[name],
            "peers": [address for server, address in addresses.items() if server != name],
        }
    }
