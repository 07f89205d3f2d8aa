from __future__ import annotations

from typing import Any

import pytest

from tests.labs import REMOVED, Changes, said

GUEST = "guests.k8s-1"
MEMORY = "hosts.dl1.memory"


def test_memory_is_not_promised_twice() -> None:
    assert said({f"{GUEST}.memory": "31GiB"}) == [
        f"{MEMORY}: 36GiB is too little: guests 31GiB, ARC 4.5GiB and the host's own 1GiB need 36.5GiB; "
        "give guests less, lower `zfs_arc_max` or promise it more often with `overcommit: {memory: 1.1}`"
    ]
    assert said({f"{GUEST}.memory": "30.5GiB"}) == []


@pytest.mark.parametrize("path", ["hosts.dl1.overcommit", "lab.overcommit"])
def test_memory_may_be_promised_more_often_where_that_is_said(path: str) -> None:
    changes: Changes = {f"{GUEST}.memory": "33GiB", path: {"memory": "1.5"}}
    assert said(changes) == []
    more: dict[str, Any] = {"size": "10GiB", "on": "tank"}
    changes["guests.other"] = {"on": "dl1", "cpus": "1", "memory": "14GiB", "disk": more} | {
        "links": {"lan": {"address": "192.168.10.60"}}
    }
    assert said(changes) == [
        f"{MEMORY}: 36GiB is too little: guests 47GiB (promised 1.5 times), ARC 4.5GiB and the host's own 1GiB "
        "need 36.8GiB; give guests less, lower `zfs_arc_max` or promise it more often with `overcommit: {memory: 1.6}`"
    ]


def test_a_smaller_zfs_cache_leaves_more_to_guests() -> None:
    assert said({f"{GUEST}.memory": "33GiB", "hosts.dl1.zfs_arc_max": "2GiB"}) == []


def test_a_host_has_memory_for_itself() -> None:
    changes: Changes = {"hosts.dl3.memory": "1GiB", "guests.k8s-3": REMOVED, "clusters": {}}
    assert said(changes) == [
        "hosts.dl3.memory: 1GiB is too little: ARC 256MiB and the host's own 1GiB need 1.2GiB; "
        "lower `zfs_arc_max` or set less aside"
    ]


def test_huge_pages_are_taken_from_the_memory_of_the_host() -> None:
    changes: Changes = {"hosts.dl1.kvm": {"hugepages": {"total": "24GiB"}}}
    assert said(changes) == [
        f"{MEMORY}: 36GiB is too little: guests 8GiB, ARC 4.5GiB, huge pages 24GiB and the host's own 1GiB "
        "need 37.5GiB; give guests less, lower `zfs_arc_max` or promise it more often with `overcommit: {memory: 1.3}`"
    ]
    assert said(changes | {f"{GUEST}.hugepages": True}) == []


def test_huge_pages_are_not_promised_twice() -> None:
    changes: Changes = {"hosts.dl1.kvm": {"hugepages": {"total": "4GiB"}}, f"{GUEST}.hugepages": True}
    assert said(changes) == [
        "hosts.dl1.kvm.hugepages.total: 4GiB is too little: its guests with huge pages need 8GiB; "
        "set more aside, or move a guest away"
    ]


def test_processors_are_shared_by_four_unless_it_is_said() -> None:
    changes: Changes = {"hosts.dl1.cpu_threads": "4", f"{GUEST}.cpus": "4"}
    for number in range(4):
        changes[f"guests.g{number}"] = {
            "on": "dl1",
            "cpus": "3",
            "memory": "1GiB",
            "disk": {"size": "1GiB", "on": "tank"},
            "links": {"lan": {"address": f"192.168.10.6{number}"}},
        }
    assert said(changes) == []
    assert said(changes | {"guests.g0.cpus": "4"}) == [
        "hosts.dl1.cpu_threads: 4 are too few: guests have 17 virtual CPUs, and 4 for a thread make 16; "
        "give guests fewer, or promise it more often with `overcommit: {cpu: 4.3}`"
    ]
    assert said(changes | {"guests.g0.cpus": "4", "hosts.dl1.overcommit": {"cpu": "4.3"}}) == []


def test_space_of_a_pool_is_not_promised_twice() -> None:
    size = "hosts.dl1.zfs.tank.disk_size"
    assert said({size: "269GiB"}) == []
    assert said({size: "256GiB"}) == [
        f"{size}: 256GiB leaves 248GiB to use, and promised are disks of guests 60GiB and volumes 200GiB, "
        "together 260GiB; promise less, or promise it more often with `overcommit: {disk: 1.1}`"
    ]
    assert said({size: "256GiB", "lab.overcommit": {"disk": "1.1"}}) == []


def test_reservations_are_promised_too() -> None:
    size = "hosts.dl1.zfs.tank.disk_size"
    changes: Changes = {size: "512GiB", "hosts.dl1.zfs.tank.datasets": {"files": {"reservation": "300GiB"}}}
    assert said(changes) == [
        f"{size}: 512GiB leaves 496GiB to use, and promised are disks of guests 60GiB, volumes 200GiB "
        "and reservations 300GiB, together 560GiB; "
        "promise less, or promise it more often with `overcommit: {disk: 1.2}`"
    ]


def test_image_files_are_promised_of_the_system_disk() -> None:
    image = {"size": "100GiB", "file": "/var/lib/images/k8s-1.qcow2"}
    changes: Changes = {f"{GUEST}.disk": image, "hosts.dl1.boot.disk_size": "101GiB"}
    assert said(changes) == []
    assert said(changes | {"hosts.dl1.boot.swap": "8GiB"}) == [
        "hosts.dl1.boot.disk_size: 101GiB leaves 92GiB to use, and promised are image files 100GiB; "
        "promise less, or promise it more often with `overcommit: {disk: 1.1}`"
    ]


def test_nothing_is_counted_while_the_ratios_could_not_be_read() -> None:
    assert said({f"{GUEST}.memory": "33GiB"}, frozenset({("lab", "overcommit")})) == []


def test_a_zfs_cache_is_not_smaller_than_zfs_takes() -> None:
    assert said({"hosts.dl1.zfs_arc_max": "64MiB"}) == []
    assert said({"hosts.dl1.zfs_arc_max": "32MiB"}) == [
        "hosts.dl1.zfs_arc_max: 32MiB is less than ZFS takes, which would use its own default instead; "
        "write 64MiB or more"
    ]


def test_no_ratio_helps_a_host_without_memory_for_guests() -> None:
    changes: Changes = {MEMORY: "1GiB"}
    assert said(changes)[-1] == (
        f"{MEMORY}: 1GiB is too little: guests 8GiB, ARC 256MiB and the host's own 1GiB need 9.2GiB; "
        "give guests less, lower `zfs_arc_max` or move guests to another host"
    )


def test_a_zfs_cache_is_not_larger_than_memory_can_be() -> None:
    changes: Changes = {MEMORY: "40TiB", "hosts.dl1.zfs_arc_max": "16TiB"}
    assert said(changes) == []
    assert said(changes | {"hosts.dl1.zfs_arc_max": "17TiB"}) == [
        "hosts.dl1.zfs_arc_max: 17TiB is more than any machine can have; write 16TiB or less"
    ]
