"""The checks of a cluster's nodes, asked of a real API server and a real etcd.

There is no kubelet: nodes say what a test has them say. k3s is a name for the same server's kubectl.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyhomelab.planning.drains import Node
from pyhomelab.trials.draining import drain
from tests.lab.clusters import BOTH, N2, RUN, needs_kubernetes, stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.clusters import Cluster

pytestmark = needs_kubernetes


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
