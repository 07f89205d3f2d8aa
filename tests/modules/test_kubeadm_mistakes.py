from __future__ import annotations

import pytest

from tests.modules.harness import evaluate, failed_assertions, needs_nixpkgs_lib
from tests.modules.test_kubeadm import AGENT, FIRST, SERVER, machine

pytestmark = needs_nixpkgs_lib


def refusal(options: dict[str, str], more: str = "") -> str:
    (message,) = failed_assertions(machine(options, more))
    return message


def warning(options: dict[str, str]) -> str:
    (message,) = evaluate(machine(options), "config.warnings")
    return str(message)


def test_a_machine_belongs_to_one_cluster() -> None:
    k3s = """homelab.k3s = {
      enable = true; cluster = "home"; nodeIp = "192.168.10.31"; interface = "ens3"; role = "agent";
      joinAddress = "192.168.10.50"; servers = { };
    };"""

    both = "is on too; a machine belongs to one cluster, turn one of them off"
    assert sorted(failed_assertions(machine(AGENT, k3s))) == [
        f"homelab.k3s on k8s-2: homelab.kubeadm {both}",
        f"homelab.kubeadm on k8s-2: homelab.k3s {both}",
    ]


def test_another_version_than_the_packages_is_refused() -> None:
    assert refusal(SERVER | {"version": '"1.34"'}) == (
        "homelab.kubeadm.version on k8s-2: 1.34 is asked for, but homelab.kubeadm.package is Kubernetes"
        ' 1.35.2; set version to "1.35" once the cluster is to have it, or package to one of 1.34'
    )


def test_an_agent_cannot_start_a_cluster() -> None:
    assert refusal(AGENT | {"initialize": "true"}) == (
        "homelab.kubeadm.initialize on k8s-2: an agent cannot start a cluster; set it on one of the servers"
    )


def test_the_only_server_has_to_start_the_cluster() -> None:
    assert refusal(SERVER | {"servers": '{ k8s-2 = "192.168.10.22"; }'}) == (
        "homelab.kubeadm on k8s-2: this is the only server and does not start the cluster, so nobody does;"
        " set initialize"
    )


def test_a_server_has_to_be_among_the_servers_with_its_own_address() -> None:
    assert refusal(SERVER | {"nodeName": '"k8s-9"'}) == (
        "homelab.kubeadm.servers on k8s-2: this server is not among them as k8s-9 with the address"
        " 192.168.10.22; add it, or its etcd is closed to the others"
    )


@pytest.mark.parametrize(
    ("swap", "named"),
    [('swapDevices = [ { device = "/dev/vda3"; } ];', "/dev/vda3"), ("zramSwap.enable = true;", "zram")],
)
def test_swap_is_refused(swap: str, named: str) -> None:
    assert refusal(AGENT, swap) == (
        f"homelab.kubeadm on k8s-2: there is swap ({named}) and the kubelet does not start with it; take it"
        " out, or set homelab.systemDisk.swapSize to null"
    )


def test_a_label_that_belongs_to_the_cluster_is_refused() -> None:
    assert refusal(AGENT | {"labels": '{ "node-role.kubernetes.io/worker" = ""; }'}) == (
        "homelab.kubeadm.labels on k8s-2: a node may not give itself node-role.kubernetes.io/worker; the"
        " kubelet would not start. Take another prefix, or set it with kubectl label node"
    )


def test_flannel_is_not_given_ipv6_pods() -> None:
    assert refusal(FIRST | {"podCidr": '"fd00:42::/56"'}) == (
        "homelab.kubeadm.podCidr on k8s-2: flannel is set up for IPv4 and fd00:42::/56 is not; choose an IPv4"
        ' network, or set podNetwork to "none" and install another'
    )
    assert failed_assertions(machine(FIRST | {"podCidr": '"fd00:42::/56"', "podNetwork": '"none"'})) == []


def test_an_even_number_of_servers_is_warned_about() -> None:
    two = '{ k8s-1 = "192.168.10.21"; k8s-2 = "192.168.10.22"; }'

    assert warning(SERVER | {"servers": two}) == (
        "homelab.kubeadm.servers on k8s-2: with 2 servers the cluster survives the loss of no more than with"
        " one less; make it an odd number"
    )


def test_one_server_as_the_address_of_all_is_warned_about() -> None:
    assert warning(SERVER | {"endpoint": '"192.168.10.21:6443"'}) == (
        "homelab.kubeadm.endpoint on k8s-2: 192.168.10.21 is one of the servers; when it is down nobody"
        " reaches the other 2. It cannot be changed later: take a VIP"
    )
