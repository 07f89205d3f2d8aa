from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhomelab.model import Cluster, Inventory, Volume
from pyhomelab.planning.waves import CANARY, LEFT_ALONE, Group, Wave, blocked_by, degraded, groups, waves
from tests.labs import REMOVED, Changes, lab, written

if TYPE_CHECKING:
    from collections.abc import Collection

BARE: Changes = {"volumes": REMOVED, "guests": REMOVED, "clusters": REMOVED}
SMALL = lab()
HOST, GUEST = SMALL.hosts["dl1"], SMALL.guests["k8s-1"]
HOSTS = tuple(f"dl{number}" for number in range(1, 6))
GUESTS = tuple(f"vm{number}" for number in range(1, 8))


def order(inventory: Inventory, *selected: str, max_parallel: int = 9) -> list[list[str]]:
    return [list(wave.machines) for wave in waves(inventory, selected, max_parallel=max_parallel)]


def everything(inventory: Inventory) -> list[str]:
    return [*inventory.hosts, *inventory.guests]


def six_hosts(changes: Changes | None = None) -> Inventory:
    """A lab of six hosts that are tied to nothing, and changes."""
    return lab(BARE | {"hosts": {f"dl{number}": written()["hosts"]["dl1"] for number in range(1, 7)}} | (changes or {}))


def volume(*replicas: str, witness: str | None = None) -> dict[str, Any]:
    more = {"witness": witness} if witness else {"quorum": "off"}
    return {"size": "1GiB", "on": "tank", "replicas": list(replicas), "network": "storage"} | more


def cluster(*servers: str, agents: Collection[str] = (), distribution: str = "k3s") -> dict[str, Any]:
    return {"distribution": distribution, "servers": list(servers), "agents": list(agents)}


# What is a group


def test_the_servers_of_a_cluster_and_the_votes_of_a_volume_are_groups() -> None:
    assert groups(lab()) == [
        Group("home", "k3s", ("k8s-1", "k8s-2", "k8s-3"), 1),
        Group("vmstore", "drbd", ("dl1", "dl2", "dl3"), 1),
    ]


@pytest.mark.parametrize(("servers", "may_be_down"), [(3, 1), (5, 2)])
def test_a_minority_of_servers_may_be_down(servers: int, may_be_down: int) -> None:
    names = HOSTS[:servers]
    changes: Changes = {"clusters": {"home": cluster(*names, distribution="kubeadm")}}
    assert groups(six_hosts(changes)) == [Group("home", "kubeadm", names, may_be_down)]


def test_one_replica_may_be_down_with_or_without_a_quorum() -> None:
    changes: Changes = {"volumes": {"two": volume("dl2", "dl1"), "three": volume("dl1", "dl2", "dl3", witness="dl4")}}
    assert groups(six_hosts(changes)) == [
        Group("two", "drbd", ("dl2", "dl1"), 1),
        Group("three", "drbd", ("dl1", "dl2", "dl3", "dl4"), 1),
    ]


def test_a_server_alone_is_no_group_and_agents_are_in_none() -> None:
    assert groups(six_hosts({"clusters": {"home": cluster("dl1", agents=["dl2", "dl3"])}})) == []


def test_a_group_is_called_what_it_keeps_up() -> None:
    assert [str(group) for group in groups(lab())] == ["the servers of k3s cluster home", "DRBD volume vmstore"]


# The order


def test_nothing_selected_is_no_wave() -> None:
    assert waves(lab(), [], max_parallel=9) == []


def test_one_machine_is_one_wave_and_no_canary() -> None:
    assert waves(lab(), ["dl2"], max_parallel=9) == [Wave(("dl2",), {"dl2": "tied to no other"})]


def test_hosts_that_are_tied_to_nothing_follow_the_canary_together() -> None:
    assert waves(six_hosts(), HOSTS, max_parallel=9) == [
        Wave(("dl1",), {"dl1": "the canary: the least depends on it"}, is_canary=True),
        Wave(("dl2", "dl3", "dl4", "dl5"), dict.fromkeys(HOSTS[1:], "tied to no other")),
    ]


def test_a_wave_is_no_larger_than_it_may_be() -> None:
    assert order(six_hosts(), *HOSTS, max_parallel=3) == [["dl1"], ["dl2", "dl3", "dl4"], ["dl5"]]
    assert order(six_hosts(), *HOSTS, max_parallel=1) == [["dl1"], ["dl2"], ["dl3"], ["dl4"], ["dl5"]]


def test_of_three_servers_never_two_are_in_a_wave() -> None:
    inventory = six_hosts({"clusters": {"home": cluster("dl2", "dl3", "dl4")}})
    assert order(inventory, *HOSTS) == [["dl1"], ["dl2", "dl5"], ["dl3"], ["dl4"]]


def test_of_five_servers_never_two_are_in_a_wave_though_two_may_be_down() -> None:
    inventory = six_hosts({"clusters": {"home": cluster(*HOSTS)}})
    assert order(inventory, *HOSTS) == [["dl1"], ["dl2"], ["dl3"], ["dl4"], ["dl5"]]


def test_replicas_and_witness_of_a_volume_are_in_waves_of_their_own() -> None:
    inventory = six_hosts({"volumes": {"a": volume("dl2", "dl3", witness="dl4"), "b": volume("dl5", "dl6")}})
    assert order(inventory, *inventory.hosts) == [["dl1"], ["dl2", "dl5"], ["dl3", "dl6"], ["dl4"]]


def test_the_whole_lab_goes_hosts_first_and_says_why() -> None:
    servers, store = "the servers of k3s cluster home", "DRBD volume vmstore"
    assert [dict(wave.why) for wave in waves(lab(), everything(lab()), max_parallel=9)] == [
        {
            "dl1": f"the canary: the least depends on it; before its guest k8s-1; one at a time of {servers} (its guest k8s-1) and {store}"
        },
        {"dl2": f"before its guest k8s-2; one at a time of {servers} (its guest k8s-2) and {store}"},
        {"dl3": f"before its guest k8s-3; one at a time of {servers} (its guest k8s-3) and {store}"},
        {"k8s-1": f"after its host dl1; one at a time of {servers}"},
        {"k8s-2": f"after its host dl2; one at a time of {servers}"},
        {"k8s-3": f"after its host dl3; one at a time of {servers}"},
    ]


def test_the_host_of_a_server_is_not_away_together_with_another_server() -> None:
    inventory = lab({"volumes": REMOVED})
    assert order(inventory, "dl1", "k8s-2") == [["k8s-2"], ["dl1"]]
    assert waves(inventory, ["dl1", "k8s-2"], max_parallel=9)[1].why == {
        "dl1": "one at a time of the servers of k3s cluster home (its guest k8s-1)"
    }


def test_a_group_of_which_one_machine_is_selected_is_no_reason() -> None:
    assert waves(lab(), ["k8s-1"], max_parallel=9)[0].why == {"k8s-1": "tied to no other"}
    assert waves(lab({"volumes": REMOVED}), ["dl1", "k8s-1"], max_parallel=9) == [
        Wave(("dl1",), {"dl1": "the canary: the least depends on it; before its guest k8s-1"}, is_canary=True),
        Wave(("k8s-1",), {"k8s-1": "after its host dl1"}),
    ]


def test_a_guest_placed_anywhere_follows_the_host_that_it_is_on() -> None:
    nas = {"on": "anywhere", "cpus": "2", "memory": "4GiB", "disk": {"volume": "vmstore"}, "links": {"lan": {}}}
    changes: Changes = {"guests": {"nas": nas}, "clusters": REMOVED, "hosts.dl1.kvm": REMOVED}
    assert order(lab(changes), "nas", "dl1", "dl2") == [["dl1"], ["dl2"], ["nas"]]


def test_agents_follow_the_servers_of_their_cluster() -> None:
    inventory = six_hosts({"clusters": {"home": cluster("dl4", "dl5", "dl6", agents=["dl1", "dl2"])}})
    assert order(inventory, "dl1", "dl2", "dl4", "dl5", "dl6") == [["dl4"], ["dl5"], ["dl6"], ["dl1", "dl2"]]
    assert waves(inventory, ["dl1", "dl4"], max_parallel=9)[1].why == {"dl1": "after the server dl4"}


def test_an_agent_that_is_the_host_of_a_server_is_before_it() -> None:
    changes: Changes = {"volumes": REMOVED, "clusters": {"home": cluster("k8s-1", agents=["dl1", "k8s-2"])}}
    inventory = lab(changes)
    assert order(inventory, "dl1", "k8s-1", "k8s-2") == [["dl1"], ["k8s-1"], ["k8s-2"]]
    assert waves(inventory, ["dl1", "k8s-1"], max_parallel=9)[0].why == {
        "dl1": "the canary: the least depends on it; before its guest k8s-1"
    }


def test_many_reasons_are_cut_short() -> None:
    inventory = six_hosts({"volumes": {f"v{number}": volume("dl1", "dl2") for number in range(1, 8)}})
    assert waves(inventory, ["dl1", "dl2"], max_parallel=9)[1].why == {
        "dl2": "one at a time of DRBD volume v1, DRBD volume v2, DRBD volume v3, DRBD volume v4 and 3 more"
    }


# The canary


def test_the_canary_is_a_host_in_no_group() -> None:
    inventory = six_hosts({"volumes": {"a": volume("dl1", "dl2"), "b": volume("dl3", "dl4")}})
    assert order(inventory, *HOSTS)[0] == ["dl5"]


def test_the_canary_is_the_machine_with_the_tag() -> None:
    inventory = six_hosts({"volumes": {"a": volume("dl1", "dl2")}, "hosts.dl2.tags": [CANARY]})
    [first, second] = waves(inventory, HOSTS, max_parallel=9)
    assert first == Wave(("dl2",), {"dl2": "the canary, by its tag; one at a time of DRBD volume a"}, is_canary=True)
    assert second.machines == ("dl1", "dl3", "dl4", "dl5")
    assert not second.is_canary


def test_a_tag_of_a_machine_that_is_not_selected_makes_no_canary() -> None:
    assert order(six_hosts({"hosts.dl2.tags": [CANARY]}), "dl1", "dl3")[0] == ["dl1"]


def test_the_host_of_a_canary_is_before_it() -> None:
    inventory = lab({"guests.k8s-3.tags": [CANARY]})
    found = waves(inventory, everything(inventory), max_parallel=9)
    assert [(wave.machines, wave.is_canary) for wave in found[:3]] == [
        (("dl3",), True),
        (("k8s-3",), True),
        (("dl1",), False),
    ]


# What is left alone


def test_nothing_is_left_alone_while_all_is_well() -> None:
    found = waves(lab(), everything(lab()), max_parallel=9)
    assert blocked_by(lab(), found, {}) == {}


def test_a_machine_that_did_not_end_well_stops_its_group_and_leaves_the_others_alone() -> None:
    inventory = six_hosts({"volumes": {"a": volume("dl2", "dl3"), "b": volume("dl4", "dl5")}})
    found = waves(inventory, HOSTS, max_parallel=9)
    assert [wave.machines for wave in found] == [("dl1",), ("dl2", "dl4"), ("dl3", "dl5")]
    assert blocked_by(inventory, found, {"dl2": "rolled back"}) == {
        "dl3": "shares DRBD volume a with dl2 (rolled back)"
    }


def test_what_came_before_is_not_left_alone_afterwards() -> None:
    inventory = six_hosts({"volumes": {"a": volume("dl2", "dl3"), "b": volume("dl4", "dl5")}})
    found = waves(inventory, HOSTS, max_parallel=9)
    assert blocked_by(inventory, found, {"dl3": "rolled back"}) == {}


def test_everything_waits_for_the_canary() -> None:
    found = waves(six_hosts(), ["dl1", "dl2", "dl3"], max_parallel=9)
    assert blocked_by(six_hosts(), found, {"dl1": "rollback failed"}) == {
        "dl2": "comes after the canary dl1 (rollback failed)",
        "dl3": "comes after the canary dl1 (rollback failed)",
    }


def test_a_machine_that_was_unreachable_before_the_first_wave_stops_its_group_alone() -> None:
    inventory = six_hosts({"clusters": {"home": cluster("dl4", "dl5", "dl6")}})
    found = waves(inventory, ["dl1", "dl2", "dl5", "dl6"], max_parallel=9)
    assert blocked_by(inventory, found, {"dl4": "unreachable"}) == {
        "dl5": "shares the servers of k3s cluster home with dl4 (unreachable)",
        "dl6": "shares the servers of k3s cluster home with dl4 (unreachable)",
    }


def test_guests_are_left_alone_with_their_host_and_with_one_that_is_left_alone() -> None:
    inventory = lab({"clusters": REMOVED, "volumes.vmstore.witness": REMOVED, "volumes.vmstore.quorum": "off"})
    found = waves(inventory, everything(inventory), max_parallel=9)
    assert [wave.machines for wave in found] == [("dl3",), ("dl1", "k8s-3"), ("dl2", "k8s-1"), ("k8s-2",)]
    assert blocked_by(inventory, found, {"dl1": "rolled back"}) == {
        "dl2": "shares DRBD volume vmstore with dl1 (rolled back)",
        "k8s-1": "comes after its host dl1 (rolled back)",
        "k8s-2": "comes after its host dl2 (left alone)",
    }


def test_agents_are_left_alone_with_a_server() -> None:
    inventory = six_hosts({"clusters": {"home": cluster("dl2", agents=["dl3", "dl4"])}})
    found = waves(inventory, HOSTS, max_parallel=9)
    assert blocked_by(inventory, found, {"dl2": "refused"}) == {
        "dl3": "comes after the server dl2 (refused)",
        "dl4": "comes after the server dl2 (refused)",
    }


# What a degraded group can bear


def test_a_machine_that_was_left_alone_stops_only_what_comes_after_it() -> None:
    inventory = lab()
    found = waves(inventory, ["dl1", "dl2", "k8s-1"], max_parallel=4)
    assert blocked_by(inventory, found, {"dl1": LEFT_ALONE}) == {"k8s-1": "comes after its host dl1 (left alone)"}


def test_a_canary_of_an_earlier_wave_stops_everything_too() -> None:
    inventory = six_hosts()
    found = waves(inventory, ["dl4"], max_parallel=4)
    assert blocked_by(inventory, found, {"dl1": "rolled back"}, ["dl1"]) == {
        "dl4": "comes after the canary dl1 (rolled back)"
    }
    assert blocked_by(inventory, found, {"dl1": "rolled back"}) == {}


def test_a_degraded_group_refuses_the_next_wave() -> None:
    said = "would take down one more of the servers of k3s cluster home: k8s-2 already down, and of 3, 1 may be"
    assert degraded(lab(), ["k8s-1", "dl1", "dl2"], {"k8s-2"}) == {"k8s-1": said, "dl1": said}


def test_a_group_that_stands_with_one_less_goes_on() -> None:
    assert degraded(lab(), everything(lab()), ()) == {}
    inventory = six_hosts({"clusters": {"home": cluster(*HOSTS)}})
    assert degraded(inventory, ["dl1"], {"dl2"}) == {}
    assert degraded(inventory, ["dl1"], {"dl2", "dl3"}) == {
        "dl1": "would take down one more of the servers of k3s cluster home: dl2 and dl3 already down, and of 5, 2 may be"
    }


def test_what_is_down_already_may_be_deployed_to() -> None:
    assert degraded(lab(), ["k8s-2", "dl2"], {"k8s-2"}) == {}


# What holds for every lab


@st.composite
def labs(draw: st.DrawFn) -> Inventory:
    """Draw labs of hosts, guests, clusters that may share machines with hosts of their servers, and volumes."""
    hosts = HOSTS[: draw(st.integers(1, 5))]
    guests = GUESTS[: draw(st.integers(0, 7))]
    tags = st.sampled_from([(), (), (), (CANARY,)])
    unused = draw(st.permutations([*hosts, *guests]))
    clusters: dict[str, Cluster] = {}
    for name in ("one", "two")[: draw(st.integers(0, 2))]:
        servers = [count for count in (1, 3, 5) if count <= len(unused)]
        if servers:
            count = draw(st.sampled_from(servers))
            last = count + draw(st.integers(0, min(2, len(unused) - count)))
            clusters[name] = Cluster.model_validate(cluster(*unused[:count], agents=unused[count:last]))
            unused = unused[last:]
    volumes: dict[str, Volume] = {}
    for name in ("a", "b", "c")[: draw(st.integers(0, 3)) if len(hosts) > 1 else 0]:
        among = draw(st.permutations(hosts))
        count = draw(st.integers(2, min(3, len(hosts))))
        witness = among[count] if count < len(among) and draw(st.booleans()) else None
        volumes[name] = Volume.model_validate(volume(*among[:count], witness=witness))
    parts = {
        "hosts": {name: HOST.model_copy(update={"tags": draw(tags)}) for name in hosts},
        "guests": {
            name: GUEST.model_copy(update={"tags": draw(tags), "on": draw(st.sampled_from(hosts))}) for name in guests
        },
    }
    return SMALL.model_copy(update=parts | {"clusters": clusters, "volumes": volumes})


@st.composite
def labs_and_selections(draw: st.DrawFn) -> tuple[Inventory, list[str], int]:
    inventory = draw(labs())
    selected = draw(st.lists(st.sampled_from(everything(inventory)), unique=True))
    return inventory, selected, draw(st.integers(1, 4))


def falling(inventory: Inventory, machine: str) -> set[str]:
    """Give what is away while a machine restarts: itself, and its guests."""
    return {machine} | {name for name, guest in inventory.guests.items() if guest.on == machine}


def host_of(inventory: Inventory, machine: str) -> str | None:
    return inventory.guests[machine].on if machine in inventory.guests else None


def collide(inventory: Inventory, one: str, other: str) -> bool:
    """Say whether two machines that restart would both take members from a group."""
    return any(
        falling(inventory, one) & {*group.members} and falling(inventory, other) & {*group.members}
        for group in groups(inventory)
    )


def servers_of(inventory: Inventory, machine: str) -> tuple[str, ...]:
    return next((cluster.servers for cluster in inventory.clusters.values() if machine in cluster.agents), ())


@given(labs_and_selections())
@settings(deadline=None, max_examples=200)
def test_every_selected_machine_is_in_one_wave_with_a_reason(drawn: tuple[Inventory, list[str], int]) -> None:
    inventory, selected, most = drawn
    found = waves(inventory, selected, max_parallel=most)
    assert sorted(machine for wave in found for machine in wave.machines) == sorted(selected)
    assert all(wave.why.keys() == {*wave.machines} and all(wave.why.values()) for wave in found)
    assert all(0 < len(wave.machines) <= most for wave in found)


@given(labs_and_selections())
@settings(deadline=None, max_examples=200)
def test_no_wave_takes_two_machines_from_a_group(drawn: tuple[Inventory, list[str], int]) -> None:
    inventory, selected, most = drawn
    for wave in waves(inventory, selected, max_parallel=most):
        pairs = [(one, other) for one in wave.machines for other in wave.machines if one < other]
        assert [pair for pair in pairs if collide(inventory, *pair)] == []


@given(labs_and_selections())
@settings(deadline=None, max_examples=200)
def test_a_host_is_before_its_guests(drawn: tuple[Inventory, list[str], int]) -> None:
    inventory, selected, most = drawn
    found = waves(inventory, selected, max_parallel=most)
    turns = {machine: turn for turn, wave in enumerate(found) for machine in wave.machines}
    for name, guest in inventory.guests.items():
        if name in turns and guest.on in turns:
            assert turns[guest.on] < turns[name]


@given(labs_and_selections())
@settings(deadline=None, max_examples=200)
def test_the_canaries_are_first(drawn: tuple[Inventory, list[str], int]) -> None:
    inventory, selected, most = drawn
    found = waves(inventory, selected, max_parallel=most)
    machines = inventory.hosts | inventory.guests
    tagged = {machine for machine in selected if CANARY in machines[machine].tags}
    expected = tagged | ({host_of(inventory, machine) for machine in tagged} & {*selected})
    canaries = {machine for wave in found if wave.is_canary for machine in wave.machines}
    assert [wave.is_canary for wave in found] == sorted((wave.is_canary for wave in found), reverse=True)
    if tagged:
        assert canaries == expected
    else:
        assert len(canaries) == (len(selected) > 1)


@given(labs_and_selections(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_the_order_in_which_machines_are_named_changes_nothing(
    drawn: tuple[Inventory, list[str], int], shuffler: Any
) -> None:
    inventory, selected, most = drawn
    turned = inventory.model_copy(
        update={part: dict(reversed(getattr(inventory, part).items())) for part in ("hosts", "guests")}
    )
    shuffled = shuffler.sample(selected, len(selected))
    assert waves(turned, shuffled, max_parallel=most) == waves(inventory, selected, max_parallel=most)


@given(labs_and_selections())
@settings(deadline=None, max_examples=200)
def test_no_machine_waits_without_a_reason(drawn: tuple[Inventory, list[str], int]) -> None:
    """Each is in the wave before, or that is full, touches its group, or holds what comes before it."""
    inventory, selected, most = drawn
    found = waves(inventory, selected, max_parallel=most)
    turns = {machine: turn for turn, wave in enumerate(found) for machine in wave.machines}
    for earlier, wave in pairwise(found):
        if earlier.is_canary != wave.is_canary or len(earlier.machines) == most:
            continue
        for machine in wave.machines:
            held = host_of(inventory, machine) in earlier.machines or any(
                turns.get(server, -1) >= turns[machine] - 1 for server in servers_of(inventory, machine)
            )
            assert held or any(collide(inventory, machine, other) for other in earlier.machines)


@given(labs_and_selections(), st.data())
@settings(deadline=None, max_examples=200)
def test_what_is_not_left_alone_depends_on_nothing_that_did_not_end_well(
    drawn: tuple[Inventory, list[str], int], data: st.DataObject
) -> None:
    inventory, selected, most = drawn
    found = waves(inventory, selected, max_parallel=most)
    unwell = data.draw(st.lists(st.sampled_from(everything(inventory)), unique=True, max_size=3))
    blocked = blocked_by(inventory, found, dict.fromkeys(unwell, "rolled back"))
    turns = {machine: turn for turn, wave in enumerate(found) for machine in wave.machines}
    canaries = {machine for wave in found if wave.is_canary for machine in wave.machines}
    for machine, turn in turns.items():
        before = [name for name in unwell if turns.get(name, -1) < turn]
        above = {host_of(inventory, machine), *servers_of(inventory, machine)}
        tied = [name for name in before if name in above or name in canaries or collide(inventory, machine, name)]
        stopped = [name for name in above if name in blocked and turns[name] < turn]
        assert (machine in blocked) == bool(tied or stopped)
