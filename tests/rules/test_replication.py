from __future__ import annotations

from typing import Any

import pytest

from tests.labs import REMOVED, Changes, said

VMS = "hosts.dl1.zfs.tank.datasets.vms"


def sent(host: str = "dl2", **more: str) -> dict[str, Any]:
    return {"snapshots": {}, "replicate": {"host": host, "pool": "tank", **more}}


@pytest.mark.parametrize("more", [{}, {"dataset": "backup/dl1"}, {"network": "lan"}, {"network": "storage"}])
def test_a_dataset_may_be_sent_to_another_host(more: dict[str, str]) -> None:
    assert said({VMS: sent(**more)}) == []


def test_two_hosts_may_keep_replicas_for_each_other() -> None:
    assert said({VMS: sent("dl2"), "hosts.dl2.zfs.tank.datasets.vms": sent("dl1")}) == []


@pytest.mark.parametrize(
    ("dataset", "line"),
    [
        (sent("dl9"), "host: dl9 is not a host of this lab; did you mean dl1, dl2 or dl3?"),
        (sent("dl1"), "host: dl1 is the host that sends; name another: a copy in the same machine is lost with it"),
        (
            {"snapshots": {}, "replicate": {"host": "dl2", "pool": "tnak"}},
            "pool: tnak is not a pool of host dl2; did you mean tank?",
        ),
        (sent(network="storge"), "network: storge is not a network of this lab; did you mean storage?"),
    ],
)
def test_a_replica_has_a_place(dataset: dict[str, Any], line: str) -> None:
    assert said({VMS: dataset}) == [f"{VMS}.replicate.{line}"]


def test_a_replica_needs_snapshots() -> None:
    assert said({VMS: {"replicate": {"host": "dl2", "pool": "tank"}}}) == [
        f"{VMS}.replicate: would send snapshots, but none are made; add `snapshots: {{}}` to the dataset"
    ]


def test_a_replica_needs_a_network_in_common() -> None:
    changes: Changes = {
        VMS: sent("dl3"),
        "hosts.dl3.links.eno1.address": "dhcp",
        "hosts.dl3.links.eno2.address": REMOVED,
        "volumes.vmstore": REMOVED,
    }
    assert said(changes) == [
        f"{VMS}.replicate: has no way to send: dl1 is in no network in which dl3 has a fixed address; "
        "give a link of dl3 an `address:` in a network of dl1"
    ]
    assert said(changes | {"hosts.dl3.links.eno1.address": "192.168.10.13"}) == []


def test_a_sender_may_have_its_address_from_dhcp() -> None:
    assert said({VMS: sent("dl3", network="lan"), "hosts.dl1.links.eno1.address": "dhcp"}) == []


def test_the_network_of_a_replica_is_one_of_both_hosts() -> None:
    changes: Changes = {VMS: sent("dl3", network="storage"), "hosts.dl3.links.eno2": REMOVED, "volumes": {}}
    assert said(changes) == [
        f"{VMS}.replicate.network: storage is not a network of dl1 in which dl3 has a fixed address; there is lan"
    ]


def test_two_datasets_are_not_received_as_one() -> None:
    changes = {VMS: sent("dl3", dataset="b/vms"), "hosts.dl2.zfs.tank.datasets.vms": sent("dl3", dataset="b/vms")}
    assert said(changes) == [
        "hosts.dl2.zfs.tank.datasets.vms.replicate.dataset: b/vms is where tank/vms of dl1 is received, too; "
        "give each replica a `dataset:` of its own"
    ]


def test_datasets_of_two_pools_with_one_name_are_received_apart() -> None:
    fast = {"layout": "stripe", "disks": ["/dev/disk/by-id/ata-FAST"], "datasets": {"vms": sent("dl3")}}
    assert said({VMS: sent("dl3"), "hosts.dl1.zfs.fast": fast}) == []


def test_a_dataset_is_not_received_over_another() -> None:
    changes = {VMS: sent("dl3", dataset="own/vms"), "hosts.dl3.zfs.tank.datasets": {"own/vms": {}}}
    assert said(changes) == [
        f"{VMS}.replicate.dataset: own/vms is a dataset of its own on dl3, and would be overwritten; "
        "receive into a `dataset:` that nobody writes to, such as replica/NAME"
    ]


def test_a_dataset_may_be_received_below_another() -> None:
    assert said({VMS: sent("dl3", dataset="backup/vms"), "hosts.dl3.zfs.tank.datasets.backup": {}}) == []


def test_replicas_do_not_go_round() -> None:
    changes = {
        f"hosts.dl{host}.zfs.tank.datasets": {"all/vms": sent(f"dl{after}", dataset="all/vms")}
        for host, after in ((1, 2), (2, 3), (3, 1))
    }
    assert said(changes) == [
        f"hosts.dl{host}.zfs.tank.datasets.all/vms.replicate.dataset: all/vms would come back: "
        f"tank/all/vms of dl{after} is sent on, and ends where it began; send in one direction only"
        for host, after in ((1, 2), (2, 3), (3, 1))
    ]


def test_replicas_do_not_go_round_inside_of_one_another() -> None:
    changes = {
        "hosts.dl1.zfs.tank.datasets": {"all": sent("dl2", dataset="all/of-dl1")},
        "hosts.dl2.zfs.tank.datasets": {"all": sent("dl1", dataset="all/of-dl2")},
    }
    assert [line.partition(";")[0] for line in said(changes)] == [
        f"hosts.dl{host}.zfs.tank.datasets.all.replicate.dataset: all/of-dl{host} would come back: "
        f"tank/all/of-dl{host} of dl{other} is sent on, and ends where it began"
        for host, other in ((1, 2), (2, 1))
    ]


def test_what_is_sent_into_a_circle_and_out_of_it_is_not_blamed() -> None:
    changes = {
        "hosts.dl3.zfs.tank.datasets": {"in": sent("dl1", dataset="all/in")},
        "hosts.dl1.zfs.tank.datasets": {"all": sent("dl2", dataset="all/of-dl1")},
        "hosts.dl2.zfs.tank.datasets": {"all": sent("dl1", dataset="all/of-dl2"), "all/of-dl1": sent("dl3")},
    }
    assert [line.partition(":")[0] for line in said(changes)] == [
        "hosts.dl1.zfs.tank.datasets.all.replicate.dataset",
        "hosts.dl2.zfs.tank.datasets.all.replicate.dataset",
    ]


def test_a_replica_may_be_sent_on() -> None:
    changes = {
        VMS: sent("dl2", dataset="backup/vms"),
        "hosts.dl2.zfs.tank.datasets": {"backup": sent("dl3", dataset="backup/dl2"), "own": {}},
    }
    assert said(changes) == []


def test_a_replica_has_a_parent_below_its_pool() -> None:
    assert said({VMS: sent(dataset="vms")}) == [
        f"{VMS}.replicate.dataset: vms lies right below pool tank, on which the sender would be given rights; "
        "write it like replica/vms"
    ]


def test_what_goes_along_with_its_parent_is_not_sent_by_itself() -> None:
    datasets = {"vms": sent(), "vms/db": sent()}
    assert said({"hosts.dl1.zfs.tank.datasets": datasets}) == [
        f"{VMS}/db.replicate: goes along with tank/vms of dl1, which is sent to the same place; leave one of the two out"
    ]
    assert said({"hosts.dl1.zfs.tank.datasets": datasets | {"vms/db": sent("dl3")}}) == []


def test_two_jobs_do_not_have_one_name() -> None:
    assert said({"hosts.dl1.zfs.tank.datasets": {"a-b": sent(), "a/b": sent()}}) == [
        "hosts.dl1.zfs.tank.datasets.a/b.replicate: would have the name tank-a-b of the job that sends tank/a-b of dl1; "
        "rename one of the two datasets"
    ]
