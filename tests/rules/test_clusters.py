from __future__ import annotations

import pytest

from tests.labs import REMOVED, Changes, said, written

SERVERS = "clusters.home.servers"
ONE = {"distribution": "k3s", "servers": ["k8s-2"]}


def test_members_are_machines_of_the_lab() -> None:
    assert said({"clusters.home.agents": ["dl1", "k9s-1"]}) == [
        "clusters.home.agents[1]: k9s-1 is not a machine of this lab; did you mean k8s-1?"
    ]


def test_hosts_may_be_members() -> None:
    assert said({SERVERS: ["dl1", "dl2", "dl3"], "clusters.home.agents": ["k8s-1"]}) == []


def test_a_member_is_named_once() -> None:
    assert said({SERVERS: ["k8s-1", "k8s-2", "k8s-2"]})[0] == (
        f"{SERVERS}[2]: k8s-2 is named twice; name each machine once"
    )


def test_a_server_is_no_agent() -> None:
    assert said({"clusters.home.agents": ["k8s-2"]}) == [
        "clusters.home.agents[0]: k8s-2 is a server of this cluster already; a server runs pods, too: leave it out here"
    ]


def test_a_machine_is_in_one_cluster() -> None:
    assert said({"clusters.test": ONE}) == [
        "clusters.test.servers[0]: k8s-2 is in cluster home already; a machine is in one cluster: leave one of them"
    ]


def test_two_servers_are_no_better_than_one() -> None:
    assert said({SERVERS: ["k8s-1", "k8s-2"]}) == [
        f"{SERVERS}: are 2, of which none may fail, as of 1; name 1 or 3 servers; the others can be agents"
    ]


def test_four_servers_are_no_better_than_three() -> None:
    assert said({SERVERS: ["k8s-1", "k8s-2", "k8s-3", "dl1"]})[0] == (
        f"{SERVERS}: are 4, of which 1 may fail, as of 3; name 3 or 5 servers; the others can be agents"
    )


def test_seven_servers_are_slower_than_five() -> None:
    one = written()["guests"]["k8s-1"] | {"cpus": "1", "memory": "1GiB"}
    changes: Changes = {
        f"guests.s{number}": one
        | {"on": f"dl{number % 3 + 1}", "links": {"lan": {"address": f"192.168.10.{99 + number}"}}}
        for number in range(7)
    }
    assert said(changes | {SERVERS: [f"s{number}" for number in range(5)]}) == []
    assert said(changes | {SERVERS: [f"s{number}" for number in range(7)]}) == [
        f"{SERVERS}: are 7, and every write waits for most of them; name 3 or 5 servers; the others can be agents"
    ]


@pytest.mark.parametrize("servers", [["k8s-1"], ["k8s-1", "k8s-2", "k8s-3"]])
def test_one_or_three_servers_can_vote(servers: list[str]) -> None:
    assert said({SERVERS: servers}) == []


def test_servers_are_not_all_on_one_host() -> None:
    changes: Changes = {f"guests.k8s-{number}.on": "dl1" for number in (1, 2, 3)}
    assert said(changes) == [
        f"{SERVERS}: are all on host dl1, and fall with it; one server does as much there; three want three hosts"
    ]
    assert said(changes | {SERVERS: ["k8s-1"], "clusters.home.agents": ["k8s-2", "k8s-3"]}) == []


def test_servers_keep_their_majority_without_any_host() -> None:
    assert said({"guests.k8s-2.on": "dl1"}) == [
        f"{SERVERS}: lose their majority with host dl1, which has 2 of 3; spread them over more hosts"
    ]


def test_a_host_that_is_a_server_counts_with_its_guests() -> None:
    assert said({SERVERS: ["dl1", "k8s-1", "k8s-2"]}) == [
        f"{SERVERS}: lose their majority with host dl1, which has 2 of 3; spread them over more hosts"
    ]


def test_two_hosts_cannot_keep_a_majority_between_them() -> None:
    assert said({"guests.k8s-3.on": "dl1", "hosts.dl3.kvm": REMOVED}) == []


@pytest.mark.parametrize(("key", "value"), [("labels", {"disk": "ssd"}), ("taints", ["a=b:NoSchedule"])])
def test_labels_and_taints_are_of_members(key: str, value: object) -> None:
    assert said({f"clusters.home.{key}": {"k8s-1": value}}) == []
    assert said({f"clusters.home.{key}": {"k8s-11": value}}) == [
        f"clusters.home.{key}.k8s-11: is not in cluster home; did you mean k8s-1?"
    ]
