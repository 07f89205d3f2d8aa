"""Nodes of a cluster that kubeadm made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.checks.certificates import files_last
from pyhomelab.checks.check import NOT_JUDGED, Check, script
from pyhomelab.checks.kubernetes import Node, vip_checks

if TYPE_CHECKING:
    from pyhomelab.decide.overview import Overview

_ADMIN = "/etc/kubernetes/admin.conf"
_NODE = "/etc/kubernetes/kubelet.conf"
_ETCD = "/etc/kubernetes/manifests/etcd.yaml"
_CERTIFICATES = (
    "/etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt /var/lib/kubelet/pki/kubelet-client-current.pem"
)
_HEALTH = "http://127.0.0.1:2381/health"
_HEALTHY = f"""
    if ! [ -e "$MANIFEST" ]; then
        echo "$MANIFEST is not there: this machine has joined no cluster yet"
        exit {NOT_JUDGED}
    fi
    answer=$(curl --disable --silent --show-error --noproxy '*' --max-time 10 "$URL") || exit 1
    case $answer in
    *'"health":"true"'*) ;;
    *) echo "etcd says: $answer" && exit 1 ;;
    esac
"""


def kubeadm_checks(overview: Overview, machine: str) -> list[Check]:
    """Ask a machine of such a cluster for its node, and a server for its API and its etcd."""
    name = overview.cluster_of.get(machine)
    cluster = overview.inventory.clusters[name] if name is not None else None
    if cluster is None or name is None or cluster.distribution != "kubeadm":
        return []
    is_server = machine in cluster.servers
    node = Node(machine, name, "kubeadm", "kubectl", _ADMIN if is_server else _NODE, "kubelet.service")
    found = [node.ready()]
    if is_server:
        address = overview.address_in(machine, overview.network_of(cluster))
        host = f"[{address}]" if ":" in address else address
        # admin.conf leads to whichever server has the common address
        found += [node.api_ready("--server", f"https://{host}:6443"), _etcd(machine, name)]
    own = "`kubeadm certs renew all` and a restart of its control plane renew a server's"
    renewed = f"on {machine}, {own}; kubelet renews its own, `journalctl -eu kubelet` says why not"
    lasting = files_last(
        f"the certificates of {machine} in cluster {name} last", "kubeadm", name, _CERTIFICATES, renewed
    )
    return [*found, *vip_checks(cluster, name, machine), lasting]


def _etcd(machine: str, cluster: str) -> Check:
    return Check(
        f"etcd of {machine} is healthy",
        "kubeadm",
        script(_HEALTHY, needs=("curl",), MANIFEST=_ETCD, URL=_HEALTH),
        patience=300,
        mend=f"on {machine}, `crictl ps -a --name etcd` and `crictl logs` with its id say why",
        about=cluster,
    )
