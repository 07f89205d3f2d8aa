"""A cluster of an inventory on test hosts, with a real Kubernetes behind it, that tests check, empty and break."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.checks import checks_of
from pyhomelab.health.checking import examine
from pyhomelab.machines.targets import Target
from pyhomelab.model import Inventory, Ssh
from pyhomelab.planning.drains import Node, nodes_taken_down
from pyhomelab.shell import Unreachable
from pyhomelab.shell.network import Network
from tests.lab.hosts import lab
from tests.lab.image import image
from tests.lab.kube_binaries import kubernetes_layer, missing_for_kubernetes
from tests.lab.kubernetes import Kubernetes, start_kubernetes
from tests.lab.patience import wait_for
from tests.labs import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyhomelab.shell import Shell
    from tests.lab.hosts import LabHost

RUN = "20261121T120000Z-0123abcd"
MARK = "pyhomelab/cordoned-by"
N2 = "/api/v1/nodes/n2"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
BUDGETS = "/apis/policy/v1beta1/namespaces/default/poddisruptionbudgets"
_REPLICA_SETS = "/apis/apps/v1/namespaces/default/replicasets"
BOTH = ("kubeadm", pytest.param("k3s", marks=pytest.mark.mirrors("vm-k3s")))
"""The distributions, for tests that hold for each."""
needs_kubernetes = [
    pytest.mark.nix,
    pytest.mark.slow,
    pytest.mark.mirrors("vm-kubeadm"),
    pytest.mark.xdist_group("kubernetes"),
    pytest.mark.skipif(missing_for_kubernetes() != "", reason=missing_for_kubernetes() or "nothing is missing"),
]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster with the server n1 and the agent n2, both hosts, and a Kubernetes on n1."""

    hosts: dict[str, LabHost]
    kubernetes: Kubernetes
    network: Network

    def inventory(self, distribution: str) -> Inventory:
        """The cluster with two servers more, which are not there."""
        subnet = self.hosts["n1"].address.rpartition(".")[0]
        host = {"cpu_threads": "4", "memory": "8GiB", "boot": {"disk": "/dev/disk/by-id/nvme-1"}}
        links = {f"n{last}": {"eth0": {"network": "lan", "address": f"{subnet}.{10 + last}"}} for last in range(1, 5)}
        clusters = {"distribution": distribution, "servers": ["n1", "n3", "n4"], "agents": ["n2"], "vip": self.vip}
        lab = {"name": "test", "state_version": "26.05", "admins": [{"name": "mika", "ssh_keys": [KEY]}]}
        return Inventory.model_validate(
            {
                "lab": lab,
                "networks": {"lan": {"cidr": f"{subnet}.0/24"}},
                "hosts": {name: host | {"links": of_one} for name, of_one in links.items()},
                "clusters": {"home": clusters},
            }
        )

    @property
    def vip(self) -> str:
        """The address that the cluster as a whole has."""
        return f"{self.hosts['n1'].address.rpartition('.')[0]}.50"

    def node(self, distribution: str, name: str = "n2") -> Node:
        """A node that goes down, and whom to ask to empty it."""
        (found,) = nodes_taken_down(self.inventory(distribution), name)
        return found

    def reach(self, name: str) -> Shell:
        """A shell of root on a host."""
        host = self.hosts.get(name)
        if host is None:
            raise Unreachable("cannot be reached: no route to host", where=name)
        target = Target(name, host.address, Ssh(user="root"), host.host_key, host.place / "pin", "x86_64-linux", ())
        return self.network.open(target, as_root=True)

    def failing(self, name: str, distribution: str) -> dict[str, str]:
        """The checks of a node that do not hold, as `pyhomelab verify --deep` asks them, with what they say."""
        inventory = self.inventory(distribution)
        checks = [check for check in checks_of(inventory, deep=True)[name] if check.role == distribution]
        assert checks
        with closing(self.reach(name)) as shell:
            told = examine(shell, name, checks, waits=False)
        return {name: finding.said for name, finding in told.items() if finding.verdict != "holds"}

    def runs(self, name: str, replicas: int = 1, grace: int = 0) -> None:
        """Have a deployment whose pods are on n2 and run, as far as Kubernetes is told."""
        self.kubernetes.create(DEPLOYMENTS, deployment(name, replicas, grace))
        wait_for(lambda: len(self.pods()) == replicas)
        for pod in self.pods():
            self.kubernetes.has_running(pod)
        deployed = f"{DEPLOYMENTS}/{name}"
        wait_for(lambda: self.kubernetes.get(deployed)["status"].get("readyReplicas") == replicas)

    def pods(self, node: str = "n2", namespace: str = "default") -> list[str]:
        """The names of the pods on a node; of those on none, if its name is empty."""
        found = self.kubernetes.items(f"/api/v1/namespaces/{namespace}/pods?fieldSelector=spec.nodeName={node}")
        return [pod["metadata"]["name"] for pod in found]

    def spec(self) -> dict[str, Any]:
        """What is closed and marked of n2."""
        node = self.kubernetes.get(N2)
        return {"closed": node["spec"].get("unschedulable", False), "mark": node["metadata"]["annotations"].get(MARK)}


@pytest.fixture(scope="session")
def started_kubernetes() -> Iterator[tuple[dict[str, LabHost], Kubernetes]]:
    """Two hosts and the Kubernetes on them for a whole test run; use `cluster`, which hands them over whole."""
    if missing_for_kubernetes():
        pytest.skip(missing_for_kubernetes())
    with lab(["n1", "n2"], kubernetes_layer(), image()) as hosts:
        yield hosts, start_kubernetes(hosts["n1"], [hosts["n2"]])


@pytest.fixture
def cluster(
    started_kubernetes: tuple[dict[str, LabHost], Kubernetes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cluster]:
    """The cluster with its two nodes, open and ready, and nothing on them but the pod network if there is one."""
    hosts, kubernetes = started_kubernetes
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(f"IdentityFile {hosts['n1'].key}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with Network({}) as network:
        made = Cluster(hosts, kubernetes, network)
        hosts["n1"].run(f"ip address replace {made.vip}/24 dev eth0")
        hosts["n2"].run("systemctl start kubelet k3s")
        for objects in (BUDGETS, DEPLOYMENTS, _REPLICA_SETS, PODS):
            kubernetes.delete(objects)
        kubernetes.has("n1", EtcdIsVoter="True")
        kubernetes.has("n2")
        kubernetes.change(N2, {"spec": {"unschedulable": None}, "metadata": {"annotations": {MARK: None}}})
        wait_for(lambda: kubernetes.items(PODS) == [])
        yield made


@contextmanager
def stopped(cluster: Cluster, unit: str) -> Iterator[None]:
    """Without a program of the server for a while."""
    cluster.hosts["n1"].run(f"systemctl stop {unit}")
    try:
        yield
    finally:
        cluster.hosts["n1"].run(f"systemctl start {unit}")
        cluster.kubernetes.is_up()


def deployment(name: str, replicas: int, grace: int) -> dict[str, Any]:
    """Pods that are wanted on n2 and take `grace` seconds to end."""
    labels = {"app": name}
    pod = {
        "nodeSelector": {"kubernetes.io/hostname": "n2"},
        "terminationGracePeriodSeconds": grace,
        "containers": [{"name": "web", "image": "registry.k8s.io/pause:3.10.1"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def budget(name: str) -> dict[str, Any]:
    """The wish that one pod of a deployment is always up."""
    return {
        "apiVersion": "policy/v1beta1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": name}}},
    }
