"""Nodes of k3s."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.checks.certificates import files_last
from pyhomelab.checks.kubernetes import Node, vip_checks

if TYPE_CHECKING:
    from pyhomelab.checks.check import Check
    from pyhomelab.decide.overview import Overview

_ADMIN = "/etc/rancher/k3s/k3s.yaml"
_NODE = "/var/lib/rancher/k3s/agent/kubelet.kubeconfig"
_CERTIFICATES = (
    "/var/lib/rancher/k3s/agent/*.crt /var/lib/rancher/k3s/server/tls/*.crt /var/lib/rancher/k3s/server/tls/etcd/*.crt"
)
_VOTES = """
    answer=$(ask get node "$NODE" \\
        -o 'jsonpath={range .status.conditions[?(@.type=="EtcdIsVoter")]}{.status} {.message}{end}') || exit 1
    case $answer in
    "True "*) ;;
    *) echo "it does not vote: ${answer:-nothing is known of its etcd}" && exit 1 ;;
    esac
    ask get --raw /readyz/etcd >/dev/null
"""


def k3s_checks(overview: Overview, machine: str) -> list[Check]:
    """Ask a machine of a k3s cluster for its node, and a server for its API and its vote in etcd."""
    name = overview.cluster_of.get(machine)
    cluster = overview.inventory.clusters[name] if name is not None else None
    if cluster is None or name is None or cluster.distribution != "k3s":
        return []
    is_server = machine in cluster.servers
    node = Node(machine, name, "k3s", "k3s kubectl", _ADMIN if is_server else _NODE, "k3s.service")
    found = [node.ready()]
    if is_server:
        found.append(node.api_ready())
    if is_server and len(cluster.servers) > 1:  # one alone keeps its data in SQLite
        mend = f"`journalctl -eu k3s` on {machine} says why; a learner votes once it has caught up"
        found.append(node.asked(f"etcd of {machine} votes", _VOTES, mend, NODE=machine))
    renewed = f"`systemctl restart k3s` on {machine} renews what ends within 90 days; pods run on"
    lasting = files_last(f"the certificates of {machine} in cluster {name} last", "k3s", name, _CERTIFICATES, renewed)
    return [*found, *vip_checks(cluster, name, machine), lasting]
