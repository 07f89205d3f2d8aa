from __future__ import annotations

import pytest

from tests.labs import Changes, said

KUBEADM: Changes = {"clusters.home.distribution": "kubeadm"}


def test_a_lab_may_run_kubeadm() -> None:
    assert said(KUBEADM) == []


def test_a_server_of_kubeadm_has_memory_and_processors() -> None:
    small: Changes = {"guests.k8s-2.memory": "1.5GiB", "guests.k8s-2.cpus": "1"}
    assert said(small) == []
    assert said(KUBEADM | small) == [
        "guests.k8s-2.memory: 1.5GiB is too little for a server of kubeadm (cluster home); give it 2GiB or more",
        "guests.k8s-2.cpus: 1 is too few for a server of kubeadm (cluster home); give it 2 or more",
    ]


def test_an_agent_of_kubeadm_may_be_small() -> None:
    changes: Changes = {"clusters.home.servers": ["k8s-1"], "clusters.home.agents": ["k8s-2"]}
    assert said(KUBEADM | changes | {"guests.k8s-2.memory": "1GiB", "guests.k8s-2.cpus": "1"}) == []


def test_a_host_that_is_a_server_has_memory_and_processors() -> None:
    changes: Changes = {
        "guests": {},
        "clusters": {"home": {"distribution": "kubeadm", "servers": ["dl3"]}},
        "hosts.dl3.memory": "1.5GiB",
        "hosts.dl3.cpu_threads": "1",
        "hosts.dl3.reserved_memory": "512MiB",
    }
    assert said(changes) == [
        "hosts.dl3.memory: 1.5GiB is too little for a server of kubeadm (cluster home); give it 2GiB or more",
        "hosts.dl3.cpu_threads: 1 is too few for a server of kubeadm (cluster home); give it 2 or more",
    ]


def test_a_server_of_k3s_has_some_memory() -> None:
    assert said({"guests.k8s-1.memory": "256MiB"}) == [
        "guests.k8s-1.memory: 256MiB is too little for a server of k3s (cluster home); give it 2GiB or more"
    ]


def test_kubeadm_runs_without_swap() -> None:
    swap: Changes = {
        "guests.k8s-2.swap": "1GiB",
        "hosts.dl3.boot.swap": "4GiB",
        "clusters.home.agents": ["dl3"],
    }
    assert said(swap) == []
    hint = "leave it out, or make the cluster one of k3s"
    assert said(KUBEADM | swap) == [
        f"guests.k8s-2.swap: 1GiB keeps the kubelet of cluster home from starting; {hint}",
        f"hosts.dl3.boot.swap: 4GiB keeps the kubelet of cluster home from starting; {hint}",
    ]


def test_components_are_those_of_k3s() -> None:
    components: Changes = {"clusters.home.components": ["coredns", "traefik"]}
    assert said(components) == []
    assert said(KUBEADM | components) == [
        "clusters.home.components: are parts of k3s, and this cluster is one of kubeadm; "
        "leave `components` out, and install them as add-ons"
    ]


@pytest.mark.parametrize("flag", ["--write-kubeconfig-mode=640", "--secrets-encryption", "--v=2"])
def test_further_flags_may_be_given(flag: str) -> None:
    assert said({"clusters.home.extra_flags": [flag]}) == []


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        ("v=2", "v=2 is not a flag; write it like --name=value"),
        (
            "--cluster-cidr=10.0.0.0/8",
            "--cluster-cidr=10.0.0.0/8 has a key of its own; write `pod_cidr:` of the cluster",
        ),
        ("--", "-- is not a flag; write it like --name=value"),
        ("-- v=2", "-- v=2 is not a flag; write it like --name=value"),
        ("--disable traefik", "--disable traefik has a key of its own; write `components:` of the cluster"),
        (
            "--datastore-endpoint=postgres://k3s:hunter2@db/k3s",
            "holds a password, and the inventory is no place for secrets; "
            "remove it, and change the password: others may have read it",
        ),
    ],
)
def test_flags_say_what_no_key_says(flag: str, line: str) -> None:
    assert said({"clusters.home.extra_flags": ["--v=2", flag]}) == [f"clusters.home.extra_flags[1]: {line}"]


def test_flags_of_the_kubelet_have_a_value() -> None:
    assert said(KUBEADM | {"clusters.home.extra_flags": ["--max-pods=60"]}) == []
    assert said(KUBEADM | {"clusters.home.extra_flags": ["--max-pods"]}) == [
        "clusters.home.extra_flags[0]: --max-pods is not a flag of the kubelet with its value; write it like --name=value"
    ]


@pytest.mark.parametrize(
    "label",
    ["disk", "example.org/tier", "topology.kubernetes.io/zone", "node.kubernetes.io/x", "a.kubelet.kubernetes.io/x"],
)
def test_a_node_may_have_labels_of_its_owner(label: str) -> None:
    assert said({"clusters.home.labels": {"k8s-1": {label: "a"}}}) == []


@pytest.mark.parametrize("label", ["node-role.kubernetes.io/worker", "kubernetes.io/x", "k8s.io/x", "a.k8s.io/x"])
def test_a_node_gives_itself_no_label_of_the_cluster(label: str) -> None:
    assert said({"clusters.home.labels": {"k8s-1": {label: "a"}}}) == [
        f"clusters.home.labels.k8s-1.{label}: is a label that no node may give itself, and its kubelet would not start; "
        f"take another prefix, or set it by `kubectl label node k8s-1 {label}=…`"
    ]


def test_flannel_carries_no_ipv6_in_a_cluster_of_kubeadm() -> None:
    pods: Changes = {"clusters.home.pod_cidr": "fd00:42::/56"}
    sentence = (
        "clusters.home.pod_network: flannel carries IPv4 in a cluster of kubeadm, and pods are to have fd00:42::/56; "
        "set it to none and install another, or choose IPv4"
    )
    assert sentence in said(KUBEADM | pods)
    assert sentence not in said(KUBEADM | pods | {"clusters.home.pod_network": "none"})
