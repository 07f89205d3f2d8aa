"""What the modules and pyhomelab hand to Kubernetes and ask of it, by a real API server with its controllers.

It is Kubernetes 1.20, older than the one that NixOS brings: what came to be since then is not shown here, such as the
admission of pods by the label of their namespace. The schemas of the version that is brought are asked in
tests/modules/test_kubeadm.py. There is no kubelet: nodes say what a test has them say, and no container runs.
"""

from __future__ import annotations

import json
import re
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.checks import checks_of
from pyhomelab.drains import Node, nodes_taken_down
from pyhomelab.model import Inventory, Ssh
from pyhomelab.shell import Unreachable
from pyhomelab.shell.network import Network
from pyhomelab.stages.checking import examine
from pyhomelab.stages.draining import Drained, Drains, NotDrained, NotOpened, drain, open_again
from pyhomelab.targets import Target
from tests.lab.hosts import lab
from tests.lab.image import image
from tests.lab.kube_binaries import kubernetes_layer
from tests.lab.kubernetes import Kubernetes, start_kubernetes, wait_for
from tests.lab.needs import missing_for_systems
from tests.lab.store import fill
from tests.labs import KEY
from tests.modules.harness import script
from tests.modules.test_kubeadm import FIRST, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyhomelab.shell import Shell
    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    pytest.mark.mirrors("vm-kubeadm"),
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

RUN = "20261121T120000Z-0123abcd"
POD_NETWORK = "homelab-kubeadm-pod-network"
_KUBECTL = '#!/bin/sh\nexec /usr/bin/kubectl "$@"\n'
# Which package of Debian holds the programs of one of nixpkgs; of those without, the pod network needs nothing.
_PACKAGES: dict[str, tuple[str, ...]] = {
    "bash": ("bash",),
    "coreutils": ("coreutils",),
    "findutils": ("findutils",),
    "gnugrep": ("grep",),
    "gnused": ("sed",),
    "systemd": ("systemd",),
    **dict.fromkeys(("conntrack-tools", "cri-tools", "curl", "ethtool", "iproute2", "iptables"), ()),
    **dict.fromkeys(("kmod", "kubectl", "kubernetes", "openssl", "socat", "util-linux"), ()),
}


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


BOTH = ["kubeadm", pytest.param("k3s", marks=pytest.mark.mirrors("vm-k3s"))]
MARK = "pyhomelab/cordoned-by"
N2 = "/api/v1/nodes/n2"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
REPLICA_SETS = "/apis/apps/v1/namespaces/default/replicasets"
BUDGETS = "/apis/policy/v1beta1/namespaces/default/poddisruptionbudgets"
FLANNEL = "/api/v1/namespaces/kube-flannel/configmaps/flannel"
OPEN = {"closed": False, "mark": None}
CLOSED = {"closed": True, "mark": RUN}


def deployment(name: str, replicas: int, grace: int) -> dict[str, Any]:
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
    return {
        "apiVersion": "policy/v1beta1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": name}}},
    }


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    home = tmp_path_factory.mktemp("home")
    with lab(["n1", "n2"], kubernetes_layer(), image()) as hosts, pytest.MonkeyPatch.context() as changed:
        (home / ".ssh").mkdir()
        (home / ".ssh/config").write_text(f"IdentityFile {hosts['n1'].key}\n")
        changed.setenv("HOME", str(home))
        changed.delenv("SSH_AUTH_SOCK", raising=False)
        kubernetes = start_kubernetes(hosts["n1"], [hosts["n2"]])
        made = Cluster(hosts, kubernetes, Network({}))
        hosts["n1"].run(f"ip address add {made.vip}/24 dev eth0")
        yield made


@pytest.fixture
def cluster(started: Cluster) -> Cluster:
    """The cluster with its two nodes, open and ready, and nothing on them but the pod network if there is one."""
    started.hosts["n2"].run("systemctl start kubelet k3s")
    kubernetes = started.kubernetes
    for objects in (BUDGETS, DEPLOYMENTS, REPLICA_SETS, PODS):
        kubernetes.delete(objects)
    kubernetes.has("n1", EtcdIsVoter="True")
    kubernetes.has("n2")
    kubernetes.change(N2, {"spec": {"unschedulable": None}, "metadata": {"annotations": {MARK: None}}})
    wait_for(lambda: kubernetes.items(PODS) == [])
    return started


# The pod network


def put_in_place(cluster: Cluster, change: Callable[[str], str] = str) -> str:
    """Run the unit of the pod network until it is done, or has failed; gives what it says of itself."""
    text = ask(FIRST, f'config.systemd.units."{POD_NETWORK}.service".text')
    server = cluster.hosts["n1"]
    fill(server.disk, [text], _PACKAGES, {"kubectl": {"kubectl": _KUBECTL}}, change)
    (server.disk / f"etc/systemd/system/{POD_NETWORK}.service").write_text(text)
    began = server.said("date +%s")
    server.run(f"systemctl daemon-reload && systemctl restart {POD_NETWORK}")
    ended = f"systemctl show --property=SubState {POD_NETWORK} | grep -qE '=(dead|failed|auto-restart)$'"
    server.run(f"until {ended}; do sleep 0.2; done; systemctl stop {POD_NETWORK}")
    return server.said(
        f"journalctl --quiet --output=cat --since=@{began} --unit={POD_NETWORK} --identifier=kubectl --identifier={POD_NETWORK}"
    )


def manifest() -> tuple[str, list[dict[str, Any]]]:
    """The path and the objects of what the unit hands over."""
    text = script(ask(FIRST, f'config.systemd.units."{POD_NETWORK}.service".text'))
    found = re.search(r"^manifest=(\S+)$", text, re.MULTILINE)
    assert found
    return found[1], json.loads(script(found[1]))["items"]


def lacking(stored: Any, given: Any, path: str = "") -> list[str]:
    """Where what is stored does not hold what was given."""
    if isinstance(given, dict) and isinstance(stored, dict):
        return [one for key, value in given.items() for one in lacking(stored.get(key), value, f"{path}.{key}")]
    if isinstance(given, list) and isinstance(stored, list) and len(given) == len(stored):
        return [one for index, value in enumerate(given) for one in lacking(stored[index], value, f"{path}[{index}]")]
    return [] if stored == given else [path]


def test_the_pod_network_is_taken_whole_and_every_node_gets_its_pod(cluster: Cluster) -> None:
    path, items = manifest()

    assert put_in_place(cluster).splitlines() == [
        "namespace/kube-flannel serverside-applied",
        "serviceaccount/flannel serverside-applied",
        "clusterrole.rbac.authorization.k8s.io/flannel serverside-applied",
        "clusterrolebinding.rbac.authorization.k8s.io/flannel serverside-applied",
        "configmap/flannel serverside-applied",
        "daemonset.apps/flannel serverside-applied",
    ]

    stored = json.loads(cluster.kubernetes.kubectl(f"get --filename={path} -o json").stdout)["items"]
    assert [lacking(one, given) for one, given in zip(stored, items, strict=True)] == [[]] * 6
    wait_for(lambda: all(len(cluster.pods(node, "kube-flannel")) == 1 for node in ("n1", "n2")))


def test_the_pod_network_is_put_in_a_second_time_without_a_change_and_a_change_by_hand_is_undone(
    cluster: Cluster,
) -> None:
    put_in_place(cluster)
    path, items = manifest()
    versions = f"get --filename={path} -o jsonpath='{{.items[:5].metadata.resourceVersion}}'"
    before = cluster.kubernetes.kubectl(versions).stdout
    put_in_place(cluster)
    assert cluster.kubernetes.kubectl(versions).stdout == before

    cluster.kubernetes.change(FLANNEL, {"data": {"net-conf.json": "{}", "added": "by hand"}})
    put_in_place(cluster)

    (wanted,) = [item["data"] for item in items if item["kind"] == "ConfigMap"]
    assert cluster.kubernetes.get(FLANNEL)["data"] == wanted | {"added": "by hand"}


def test_a_field_that_kubernetes_does_not_know_is_refused_by_kubectl_and_by_the_server(cluster: Cluster) -> None:
    said = put_in_place(cluster, lambda text: text.replace('"hostNetwork":', '"hostNetworking":'))

    place = "ValidationError(DaemonSet.spec.template.spec)"
    assert f'{place}: unknown field "hostNetworking" in io.k8s.api.core.v1.PodSpec' in said
    path, _ = manifest()
    words = f"apply --server-side --force-conflicts --validate=false --filename={path}"
    refused = cluster.kubernetes.kubectl(words, check=False)
    assert refused.returncode != 0
    assert ".spec.template.spec.hostNetworking: field not declared in schema" in refused.stderr


# Checks


@pytest.mark.parametrize("distribution", BOTH)
def test_the_checks_of_a_cluster_that_is_well_hold_on_a_server_and_on_an_agent(
    cluster: Cluster, distribution: str
) -> None:
    assert [cluster.failing(name, distribution) for name in ("n1", "n2")] == [{}, {}]


Broken = tuple[str, str, "Callable[[Cluster], object]", dict[str, str]]
BREAKS: dict[str, Broken] = {
    "a kubelet says that it is not ready": (
        "n2",
        "kubeadm",
        lambda cluster: cluster.kubernetes.has("n2", ready="False", why="cni plugin not initialized"),
        {"node n2 is Ready": "it is not ready: cni plugin not initialized"},
    ),
    "a kubelet does not run": (
        "n2",
        "kubeadm",
        lambda cluster: cluster.hosts["n2"].run("systemctl stop kubelet"),
        {"node n2 is Ready": "kubelet.service is not active"},
    ),
    "a node is in no cluster": (
        "n2",
        "k3s",
        lambda cluster: cluster.kubernetes.delete(N2),
        {"node n2 is Ready": 'Error from server (NotFound): nodes "n2" not found'},
    ),
    "a server of k3s has no vote": (
        "n1",
        "k3s",
        lambda cluster: cluster.kubernetes.has("n1", EtcdIsVoter="False"),
        {"etcd of n1 votes": "it does not vote: False"},
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_check_fails_when(cluster: Cluster, what: str) -> None:
    name, distribution, breaks, expected = BREAKS[what]
    breaks(cluster)
    assert cluster.failing(name, distribution) == expected


def test_a_server_without_its_etcd_fails_the_checks_that_need_it_and_an_agent_cannot_be_told_ready(
    cluster: Cluster,
) -> None:
    with stopped(cluster, "etcd"):
        failing = cluster.failing("n1", "kubeadm")

    assert failing.keys() == {
        "node n1 is Ready",
        "the API of n1 is ready",
        "etcd of n1 is healthy",
        f"cluster home answers at {cluster.vip}",
    }
    assert "[-]etcd failed" in failing["the API of n1 is ready"]
    assert failing["etcd of n1 is healthy"].startswith("curl: (7) Failed to connect to 127.0.0.1 port 2381")
    assert failing[f"cluster home answers at {cluster.vip}"] == "it answers with 500"


def test_a_server_that_does_not_answer_fails_all_checks_but_its_etcds_and_nobody_is_emptied_by_it(
    cluster: Cluster,
) -> None:
    node = Node("n2", "home", "kubeadm", ("n1",))
    refused = "The connection to the server {}:6443 was refused - did you specify the right host or port?"
    with stopped(cluster, "kube-apiserver"):
        failing = cluster.failing("n1", "kubeadm")
        said = drain([node], RUN, cluster.reach, seconds=3).said

    assert failing.pop(f"cluster home answers at {cluster.vip}").startswith("curl: (7) Failed to connect")
    assert failing == {
        "node n1 is Ready": refused.format("127.0.0.1"),
        "the API of n1 is ready": refused.format(cluster.hosts["n1"].address),
    }
    assert said == (f"n2 is not drained: n1 cannot ask cluster home: {refused.format('127.0.0.1')}",)


@contextmanager
def stopped(cluster: Cluster, unit: str) -> Iterator[None]:
    cluster.hosts["n1"].run(f"systemctl stop {unit}")
    try:
        yield
    finally:
        cluster.hosts["n1"].run(f"systemctl start {unit}")
        cluster.kubernetes.is_up()


# Emptying a node


@pytest.mark.parametrize("distribution", BOTH)
def test_a_node_is_emptied_of_its_pods_but_those_of_daemon_sets_and_opened_again(
    cluster: Cluster, distribution: str
) -> None:
    put_in_place(cluster)
    cluster.runs("web", replicas=2)
    node = cluster.node(distribution)

    drains = drain([node], RUN, cluster.reach, seconds=30)

    assert drains == Drains((Drained(node, is_ours=True, boot_id="boot-1"),))
    assert cluster.pods() == []
    assert cluster.spec() == CLOSED
    assert len(cluster.pods("n2", "kube-flannel")) == 1
    wait_for(lambda: len(cluster.pods("")) == 2)  # new ones wait for a place

    open_again(drains, cluster.reach, is_rebooted=False, seconds=10)

    assert cluster.spec() == OPEN
    wait_for(lambda: len(cluster.pods("n2")) == 2)


def test_a_node_is_opened_when_it_is_ready_after_another_boot_and_not_before(cluster: Cluster) -> None:
    drains = drain([cluster.node("kubeadm")], RUN, cluster.reach, seconds=10)
    cluster.kubernetes.has("n2", ready="False", why="booting", boot="boot-2")

    with pytest.raises(NotOpened) as left:
        open_again(drains, cluster.reach, is_rebooted=True, seconds=2)

    assert str(left.value) == (
        "n2: still closed to new pods: n2 (it is not ready); when it is well: kubectl uncordon n2"
    )
    assert cluster.spec() == CLOSED
    cluster.kubernetes.has("n2", boot="boot-2")
    open_again(drains, cluster.reach, is_rebooted=True, seconds=10)
    assert cluster.spec() == OPEN


def test_a_node_that_a_person_has_closed_is_emptied_and_stays_closed(cluster: Cluster) -> None:
    cluster.kubernetes.change(N2, {"spec": {"unschedulable": True}})
    node = cluster.node("kubeadm")

    drains = drain([node], RUN, cluster.reach, seconds=10)
    open_again(drains, cluster.reach, is_rebooted=False, seconds=10)

    assert drains == Drains((Drained(node, is_ours=False, boot_id="boot-1"),))
    assert cluster.spec() == CLOSED | {"mark": None}


def test_a_pod_that_its_budget_keeps_is_left_and_the_node_is_open_again(cluster: Cluster) -> None:
    cluster.runs("web")
    cluster.kubernetes.create(BUDGETS, budget("web"))
    wait_for(lambda: cluster.kubernetes.get(f"{BUDGETS}/web").get("status", {}).get("currentHealthy") == 1)
    (pod,) = cluster.pods()

    with pytest.raises(NotDrained) as refused:
        drain([cluster.node("kubeadm")], RUN, cluster.reach, seconds=3)

    assert str(refused.value) == (
        f'n2: could not be emptied within 3 s: pods/"{pod}" -n "default" (will retry after 5s): '
        "Cannot evict pod as it would violate the pod's disruption budget.; "
        "see to it that its pods may go elsewhere, and try again"
    )
    assert cluster.pods() == [pod]
    assert cluster.spec() == OPEN


def test_a_pod_that_nobody_would_make_again_is_left_and_the_node_is_open_again(cluster: Cluster) -> None:
    pod = deployment("alone", 1, 0)["spec"]["template"]["spec"] | {"nodeName": "n2"}
    cluster.kubernetes.create(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone"}, "spec": pod})

    with pytest.raises(NotDrained) as refused:
        drain([cluster.node("k3s")], RUN, cluster.reach, seconds=3)

    assert refused.value.what == (
        "could not be emptied within 3 s: error: cannot delete Pods not managed by ReplicationController, ReplicaSet, "
        "Job, DaemonSet or StatefulSet (use --force to override): default/alone"
    )
    assert cluster.pods() == ["alone"]
    assert cluster.spec() == OPEN


def test_a_pod_that_takes_longer_to_end_than_there_is_time_is_named_and_the_node_is_open_again(
    cluster: Cluster,
) -> None:
    """Nobody tells the server that it has ended: so it never does."""
    cluster.runs("slow", grace=60)
    (pod,) = cluster.pods()

    with pytest.raises(NotDrained) as refused:
        drain([cluster.node("kubeadm")], RUN, cluster.reach, seconds=3)

    assert refused.value.what == (
        f'could not be emptied within 3 s: error: error when waiting for pod "{pod}" terminating: '
        "global timeout reached: 3s"
    )
    assert cluster.spec() == OPEN


def test_a_node_that_kubernetes_does_not_have_is_not_emptied_and_it_is_said(cluster: Cluster) -> None:
    assert drain([Node("n4", "home", "kubeadm", ("n1",))], RUN, cluster.reach, seconds=3).said == (
        "n4 is not drained: cluster home does not have it yet",
    )
