from __future__ import annotations

import pytest

from tests.modules.harness import evaluate, failed_assertions, needs_nixpkgs_lib
from tests.modules.test_k3s import AGENT, NFTABLES, SERVER, machine

pytestmark = needs_nixpkgs_lib


def complaints(options: dict[str, str], more: str = NFTABLES) -> list[str]:
    return failed_assertions(machine(options, more))


def refusal(options: dict[str, str], more: str = NFTABLES) -> str:
    (message,) = complaints(options, more)
    return message


def test_an_agent_that_knows_no_server_is_refused() -> None:
    assert refusal(AGENT | {"joinAddress": "null"}) == (
        "homelab.k3s.joinAddress on k8s-2: an agent has to be told where its cluster is; set it to the VIP"
        " or the first server"
    )


def test_an_agent_cannot_start_a_cluster() -> None:
    assert refusal(AGENT | {"initialize": "true"}) == (
        "homelab.k3s.initialize on k8s-2: an agent cannot start a cluster; set it on one of the servers"
    )


def test_two_servers_that_do_not_know_each_other_are_refused() -> None:
    assert refusal(SERVER | {"joinAddress": "null"}) == (
        "homelab.k3s on k8s-2: the cluster has 3 servers, but this one neither starts nor joins it and would"
        " be a cluster of its own; set initialize on one server and joinAddress on the others"
    )


def test_a_server_has_to_be_among_the_servers_with_its_own_address() -> None:
    assert refusal(SERVER | {"nodeIp": '"192.168.10.99"'}) == (
        "homelab.k3s.servers on k8s-2: this server is not among them as k8s-2 with the address 192.168.10.99;"
        " add it, or its etcd is closed to the others"
    )


def test_a_version_nixpkgs_does_not_have_is_refused_with_those_it_has() -> None:
    assert refusal(SERVER | {"version": '"1.20"'}) == (
        "homelab.k3s.version on k8s-2: this nixpkgs has no k3s 1.20, only 1.33, 1.34, 1.35, 1.36, 1.37;"
        " choose one of these"
    )


@pytest.mark.parametrize("label", ["node-role.kubernetes.io/worker", "csi.k8s.io/fast", "kubernetes.io/role"])
def test_a_label_that_belongs_to_the_cluster_is_refused(label: str) -> None:
    assert refusal(SERVER | {"labels": f'{{ "{label}" = "x"; }}'}) == (
        f"homelab.k3s.labels on k8s-2: a node may not give itself {label}; k3s would not start. Take another"
        " prefix, or set it with kubectl label node"
    )


@pytest.mark.parametrize("label", ["topology.kubernetes.io/zone", "node.kubernetes.io/pool", "home.arpa/rack", "disk"])
def test_a_label_a_node_may_give_itself_is_taken(label: str) -> None:
    assert complaints(SERVER | {"labels": f'{{ "{label}" = "x"; }}'}) == []


def test_a_firewall_that_wipes_the_rules_of_others_is_refused() -> None:
    assert refusal(SERVER, NFTABLES + "networking.nftables.flushRuleset = true;") == (
        "networking.nftables.flushRuleset on k8s-2: a reload would delete the rules of Kubernetes; set it to"
        " false, NixOS replaces its own tables without it"
    )


def test_an_even_number_of_servers_is_warned_about() -> None:
    two = SERVER | {"servers": '{ k8s-1 = "192.168.10.21"; k8s-2 = "192.168.10.22"; }'}

    (warning,) = evaluate(machine(two), "config.warnings")
    assert warning == (
        "homelab.k3s.servers on k8s-2: with 2 servers the cluster survives the loss of no more than with one"
        " less; make it an odd number"
    )
