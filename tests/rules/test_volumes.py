from __future__ import annotations

from typing import Any

import pytest

from pyhomelab.allocation.identity import volume_minor
from tests.labs import REMOVED, Changes, lab, said

V = "volumes.vmstore"


def volume(**more: Any) -> dict[str, Any]:
    return {"size": "10GiB", "on": "tank", "replicas": ["dl1", "dl2"], "network": "storage", "quorum": "off"} | more


@pytest.mark.parametrize("replicas", [["dl1"], ["dl1", "dl2", "dl3", "dl4"]])
def test_a_volume_has_two_or_three_replicas(replicas: list[str]) -> None:
    changes: Changes = {f"{V}.replicas": replicas, f"{V}.quorum": "off", f"{V}.witness": REMOVED}
    broken = frozenset({("hosts", "dl4")})
    count = "1 host" if len(replicas) == 1 else "4 hosts"
    assert said(changes, broken) == [
        f"{V}.replicas: [{', '.join(replicas)}] has {count}; "
        "name two or three; a disk on one host alone needs no volume: see `on:` of a guest's disk"
    ]


def test_a_volume_may_have_three_replicas() -> None:
    assert said({f"{V}.replicas": ["dl1", "dl2", "dl3"], f"{V}.witness": REMOVED}) == []


def test_a_host_holds_one_replica_of_a_volume() -> None:
    assert said({f"{V}.replicas": ["dl1", "dl1"]}) == [f"{V}.replicas[1]: dl1 is named twice; name another host"]


def test_a_volume_is_not_called_like_all_of_them() -> None:
    assert said({"volumes": {"all": volume()}}) == ["volumes.all: means every volume to drbdadm; rename the volume"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({f"{V}.replicas": ["dl1", "dl22"]}, "replicas[1]: dl22 is not a host of this lab; did you mean dl2?"),
        ({f"{V}.witness": "k8s-3"}, "witness: k8s-3 is not a host of this lab; there are dl1, dl2, dl3"),
        ({f"{V}.network": "storge"}, "network: storge is not a network of this lab; did you mean storage?"),
        (
            {f"{V}.on": "tnak"},
            "replicas[0]: dl1 has no pool tnak; did you mean tank? (`on:` is the pool on every replica)",
        ),
    ],
)
def test_a_volume_names_what_exists(changes: Changes, line: str) -> None:
    assert said(changes)[0] == f"{V}.{line}"


def test_the_witness_needs_no_pool() -> None:
    assert said({"hosts.dl3.zfs": {}, "guests.k8s-3": REMOVED, "clusters": {}}) == []


@pytest.mark.parametrize(("host", "where"), [("dl2", "replicas[1]"), ("dl3", "witness")])
def test_every_host_of_a_volume_has_a_fixed_address_in_its_network(host: str, where: str) -> None:
    line = (
        f"{V}.{where}: {host} has no fixed address in network storage; "
        f"give a link of {host} an `address:` in it, or replicate over another network"
    )
    assert said({f"hosts.{host}.links.eno2.address": "dhcp"}) == [line]
    assert said({f"hosts.{host}.links.eno2": REMOVED}) == [line]
    assert said({f"hosts.{host}.links.eno2": REMOVED, f"{V}.network": "lan"}) == []


def test_a_witness_holds_no_replica() -> None:
    assert said({f"{V}.witness": "dl2"}) == [
        f"{V}.witness: dl2 holds a replica, and has that vote already; name a host that holds none"
    ]


def test_three_replicas_need_no_witness() -> None:
    assert said({f"{V}.replicas": ["dl1", "dl2", "dl3"], f"{V}.witness": "dl4"}, frozenset({("hosts", "dl4")})) == [
        f"{V}.witness: dl4 would be a fourth vote, and four can be split in half; "
        "leave it out: three replicas are three votes"
    ]


def test_two_replicas_alone_say_that_both_sides_may_write() -> None:
    alone: Changes = {f"{V}.witness": REMOVED}
    assert said(alone) == [
        f"{V}: has two replicas and no witness: when the network is cut, neither knows who may write; "
        "name a third host as `witness:`, or accept with `quorum: off` that both sides may write"
    ]
    assert said(alone | {f"{V}.quorum": "off"}) == []


def test_a_majority_needs_three_votes() -> None:
    assert said({f"{V}.witness": REMOVED, f"{V}.quorum": "majority"}) == [
        f"{V}.quorum: majority needs three votes, and there are two; "
        "name a third host as `witness:`, or write `quorum: off`"
    ]
    assert said({f"{V}.quorum": "majority"}) == []


def test_a_witness_without_a_vote_is_no_use() -> None:
    assert said({f"{V}.quorum": "off"}) == [
        f"{V}.quorum: off leaves the witness without a vote; leave out `quorum`, or the witness"
    ]


def test_drbd_8_4_knows_neither_witnesses_nor_quorums() -> None:
    assert said({"lab.drbd_version": "8.4", f"{V}.quorum": "majority"}) == [
        f"{V}.witness: dl3 is not possible: DRBD 8.4 has no witnesses; "
        "leave it out, or set `drbd_version:` of the lab to 9",
        f"{V}.quorum: majority is not possible: DRBD 8.4 has no quorum; "
        "write `quorum: off`, or set `drbd_version:` of the lab to 9",
    ]


def test_drbd_8_4_knows_two_replicas_that_may_both_be_written() -> None:
    changes: Changes = {"lab.drbd_version": "8.4", f"{V}.replicas": ["dl1", "dl2", "dl3"], f"{V}.witness": REMOVED}
    assert said(changes) == [
        f"{V}.replicas: are 3 hosts, and DRBD 8.4 knows two; name two hosts, or set `drbd_version:` of the lab to 9",
        f"{V}: must say `quorum: off`: DRBD 8.4 lets both sides of a cut write; "
        "write `quorum: off` if you accept that, or set `drbd_version:` of the lab to 9",
    ]
    assert said(changes | {f"{V}.replicas": ["dl1", "dl2"], f"{V}.quorum": "off"}) == []


@pytest.mark.parametrize("protocol", ["A", "B"])
def test_two_writers_need_protocol_c(protocol: str) -> None:
    assert said({f"{V}.dual_primary": True, f"{V}.protocol": protocol}) == [
        f"{V}.dual_primary: true needs protocol C, and this volume has {protocol}; leave out one of the two"
    ]
    assert said({f"{V}.dual_primary": True}) == []


def test_two_volumes_of_a_host_have_numbers_of_their_own() -> None:
    changes: Changes = {"volumes": {"a": volume(minor="0"), "b": volume(minor="0", replicas=["dl2", "dl3"])}}
    assert said(changes) == ["volumes.b.minor: 0 is the minor of volume a, too; write `minor: 1` here"]


def test_a_derived_number_is_not_that_of_another_volume() -> None:
    minor = volume_minor("vmstore", lab().volumes["vmstore"])
    changes: Changes = {"volumes": {"a": volume(minor=str(minor)), "vmstore": volume()}}
    assert said(changes) == [f"volumes.vmstore: would get the minor {minor} of volume a; write `minor: 0` here"]


def test_volumes_of_other_hosts_may_have_the_same_number() -> None:
    one = {"cpu_threads": "4", "memory": "8GiB"}
    changes: Changes = {
        f"hosts.dl{number}": one
        | {
            "boot": {"disk": f"/dev/disk/by-id/ata-{number}"},
            "links": {"eno2": {"network": "storage", "address": f"10.10.20.1{number}"}},
            "zfs": {"tank": {"layout": "stripe", "disks": [f"/dev/disk/by-id/ata-D{number}"]}},
        }
        for number in (4, 5)
    }
    changes["volumes"] = {"a": volume(minor="7"), "b": volume(minor="7", replicas=["dl4", "dl5"])}
    assert said(changes) == []
