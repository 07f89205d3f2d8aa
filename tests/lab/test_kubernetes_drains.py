"""Nodes that a real Kubernetes empties and opens: by its own kubectl, with its budgets, controllers and scheduler.

There is no kubelet: nodes say what a test has them say, and a pod has ended when it has no time to do so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyhomelab.planning.drains import Node
from pyhomelab.trials.draining import Drained, Drains, NotDrained, NotOpened, drain, open_again
from tests.lab.clusters import BOTH, BUDGETS, N2, PODS, RUN, budget, deployment, needs_kubernetes
from tests.lab.patience import wait_for
from tests.lab.test_pod_network import put_in_place

if TYPE_CHECKING:
    from tests.lab.clusters import Cluster

pytestmark = needs_kubernetes

OPEN = {"closed": False, "mark": None}
CLOSED = {"closed": True, "mark": RUN}


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
