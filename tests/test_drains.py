"""Which Kubernetes nodes go down with a machine, and who can be asked to empty them."""

from __future__ import annotations

from pyhomelab.planning.drains import Node, nodes_taken_down
from tests.labs import REMOVED, Changes, lab, written

HOME = "clusters.home"


def test_a_guest_that_is_a_node_goes_down_alone() -> None:
    assert nodes_taken_down(lab(), "k8s-2") == [Node("k8s-2", "home", "k3s", ("k8s-1", "k8s-3"))]


def test_a_host_takes_its_guests_down() -> None:
    assert nodes_taken_down(lab(), "dl1") == [Node("k8s-1", "home", "k3s", ("k8s-2", "k8s-3"))]


def test_agents_are_emptied_before_servers() -> None:
    agent = written()["guests"]["k8s-1"] | {"links": {"lan": {"address": "192.168.10.31"}}}
    changes: Changes = {"guests.aged": agent, f"{HOME}.agents": ["aged"]}
    others = ("k8s-2", "k8s-3")
    assert nodes_taken_down(lab(changes), "dl1") == [
        Node("aged", "home", "k3s", others),
        Node("k8s-1", "home", "k3s", others),
    ]


def test_a_host_can_be_a_node_itself() -> None:
    changes: Changes = {f"{HOME}.servers": ["dl1", "k8s-1", "k8s-3"]}
    assert nodes_taken_down(lab(changes), "dl1") == [
        Node("dl1", "home", "k3s", ("k8s-3",)),
        Node("k8s-1", "home", "k3s", ("k8s-3",)),
    ]


def test_a_machine_without_nodes_takes_none_down() -> None:
    assert nodes_taken_down(lab({"clusters": REMOVED}), "dl1") == []


def test_nobody_can_be_asked_about_the_only_server() -> None:
    changes: Changes = {
        HOME: {"distribution": "kubeadm", "servers": ["k8s-1"], "agents": ["k8s-2"]},
    }
    assert nodes_taken_down(lab(changes), "dl1") == [Node("k8s-1", "home", "kubeadm", ())]
    assert nodes_taken_down(lab(changes), "dl2") == [Node("k8s-2", "home", "kubeadm", ("k8s-1",))]
