"""What a machine must be to carry Kubernetes, and the flags it may get."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake
from pyhomelab.model import Cluster, Host
from pyhomelab.model.units import MiB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.rules.scope import Path, Scope

# kubeadm refuses to found a control plane below 1700 MiB, and the kernel keeps some of what a machine has
_LEAST_SERVER_MEMORY = {"kubeadm": 1800 * MiB, "k3s": 512 * MiB}
_KUBEADM_CPUS = 2
_ZONES = ("topology", "failure-domain.beta")
_URL_WITH_PASSWORD = re.compile("://[^/@ ]*:[^/@ ]+@")
_FLAG = {"k3s": re.compile("--[a-z][^ =]*(?:[= ].*)?"), "kubeadm": re.compile("--[a-z][a-z0-9-]*=.*")}
_OF_KUBERNETES = re.compile(r"(?:.+\.)?(?:kubernetes|k8s)\.io")
_OF_NODES = re.compile(r"(?:.+\.)?(?:node|kubelet)\.kubernetes\.io")
_NODE_LABELS = frozenset(
    {f"{prefix}kubernetes.io/{name}" for prefix in ("", "beta.") for name in ("arch", "os")}
    | {f"{prefix}.kubernetes.io/{name}" for prefix in _ZONES for name in ("region", "zone")}
    | {"kubernetes.io/hostname", "beta.kubernetes.io/instance-type"}
)
"""Labels below kubernetes.io that a kubelet may give its own node: of others it says so, and does not start."""
_OWN_KEYS = {
    "cluster-cidr": "pod_cidr",
    "cluster-domain": "cluster_domain",
    "disable": "components",
    "flannel-backend": "pod_network",
    "flannel-iface": "network",
    "node-ip": "network",
    "node-label": "labels",
    "node-labels": "labels",
    "node-taint": "taints",
    "register-with-taints": "taints",
    "service-cidr": "service_cidr",
    "tls-san": "tls_names",
}


def servers_have_what_they_need(scope: Scope) -> Iterator[Mistake]:
    """Refuse servers with too little memory, and with too few processors for kubeadm."""
    for name, cluster in scope.inventory.clusters.items():
        for path, memory, cpus in _servers(scope, cluster):
            least = _LEAST_SERVER_MEMORY[cluster.distribution]
            if memory < least:
                hint = "give it 2GiB or more"
                reason = f"is too little for a server of {cluster.distribution} (cluster {name})"
                yield Mistake((*path, "memory"), reason, hint)
            if cluster.distribution == "kubeadm" and cpus < _KUBEADM_CPUS:
                reason = f"is too few for a server of kubeadm (cluster {name})"
                key = "cpu_threads" if path[0] == "hosts" else "cpus"
                yield Mistake((*path, key), reason, "give it 2 or more")


def _servers(scope: Scope, cluster: Cluster) -> Iterator[tuple[Path, int, int]]:
    for server in cluster.servers:
        machine = scope.machine(server)
        if isinstance(machine, Host):
            yield ("hosts", server), machine.memory, machine.cpu_threads
        elif machine is not None:
            yield ("guests", server), machine.memory, machine.cpus


def kubeadm_runs_without_swap(scope: Scope) -> Iterator[Mistake]:
    """Refuse swap on a machine of kubeadm: its kubelet does not start beside it."""
    for name, cluster in scope.inventory.clusters.items():
        if cluster.distribution != "kubeadm":
            continue
        for member in cluster.members:
            machine = scope.machine(member)
            path: Path = ("hosts", member, "boot", "swap") if isinstance(machine, Host) else ("guests", member, "swap")
            swap = machine.boot.swap if isinstance(machine, Host) else machine.swap if machine is not None else None
            if swap is not None:
                reason = f"keeps the kubelet of cluster {name} from starting"
                yield Mistake(path, reason, "leave it out, or make the cluster one of k3s")


def components_are_those_of_k3s(scope: Scope) -> Iterator[Mistake]:
    """Refuse bundled parts of k3s in a cluster of kubeadm, which bundles none."""
    default = Cluster.model_fields["components"].default
    for name, cluster in scope.inventory.clusters.items():
        if cluster.distribution == "kubeadm" and cluster.components != default:
            reason = "are parts of k3s, and this cluster is one of kubeadm"
            hint = "leave `components` out, and install them as add-ons"
            yield Mistake(("clusters", name, "components"), reason, hint, shows_value=False)


def pod_networks_can_be_made(scope: Scope) -> Iterator[Mistake]:
    """Refuse flannel for pods with IPv6 addresses in a cluster of kubeadm, where it is set up for IPv4."""
    for name, cluster in scope.inventory.clusters.items():
        is_flannel = cluster.distribution == "kubeadm" and cluster.pod_network == "flannel"
        if is_flannel and cluster.pod_cidr.version == 6:  # noqa: PLR2004
            reason = f"flannel carries IPv4 in a cluster of kubeadm, and pods are to have {cluster.pod_cidr}"
            hint = "set it to none and install another, or choose IPv4"
            yield Mistake(("clusters", name, "pod_network"), reason, hint, shows_value=False)


def flags_say_what_no_key_says(scope: Scope) -> Iterator[Mistake]:
    """Refuse flags that are none, that hold a password, or that have a key of their own here."""
    for name, cluster in scope.inventory.clusters.items():
        for index, flag in enumerate(cluster.extra_flags):
            path = ("clusters", name, "extra_flags", index)
            key = _OWN_KEYS.get(re.split("[= ]", flag.removeprefix("--"), maxsplit=1)[0])
            if not _FLAG[cluster.distribution].fullmatch(flag):
                what = "a flag of the kubelet with its value" if cluster.distribution == "kubeadm" else "a flag"
                yield Mistake(path, f"is not {what}", "write it like --name=value")
            elif _URL_WITH_PASSWORD.search(flag):
                reason = "holds a password, and the inventory is no place for secrets"
                hint = "remove it, and change the password: others may have read it"
                yield Mistake(path, reason, hint, shows_value=False)
            elif key is not None:
                yield Mistake(path, "has a key of its own", f"write `{key}:` of the cluster")


def labels_are_those_of_owners(scope: Scope) -> Iterator[Mistake]:
    """Refuse labels that a node may not give itself, so that none passes itself off as what it is not."""
    for name, cluster in scope.inventory.clusters.items():
        for machine, labels in cluster.labels.items():
            for label in labels:
                prefix = label.rpartition("/")[0]
                is_free = _OF_NODES.fullmatch(prefix) or label in _NODE_LABELS
                if _OF_KUBERNETES.fullmatch(prefix) and not is_free:
                    reason = "is a label that no node may give itself, and its kubelet would not start"
                    hint = f"take another prefix, or set it by `kubectl label node {machine} {label}=…`"
                    yield Mistake(("clusters", name, "labels", machine, label), reason, hint, shows_value=False)
