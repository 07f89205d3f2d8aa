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
_URL_WITH_PASSWORD = re.compile("://[^/@ ]*:[^/@ ]+@")
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


def flags_say_what_no_key_says(scope: Scope) -> Iterator[Mistake]:
    """Refuse flags that are none, that hold a password, or that have a key of their own here."""
    for name, cluster in scope.inventory.clusters.items():
        for index, flag in enumerate(cluster.extra_flags):
            path = ("clusters", name, "extra_flags", index)
            key = _OWN_KEYS.get(re.split("[= ]", flag.removeprefix("--"), maxsplit=1)[0])
            if not flag.startswith("--"):
                yield Mistake(path, "is not a flag", "write it like --name=value")
            elif _URL_WITH_PASSWORD.search(flag):
                reason = "holds a password, and the inventory is no place for secrets"
                hint = "remove it, and change the password: others may have read it"
                yield Mistake(path, reason, hint, shows_value=False)
            elif key is not None:
                yield Mistake(path, "has a key of its own", f"write `{key}:` of the cluster")
