from __future__ import annotations

from typing import Any

import pytest

from tests.labs import REMOVED, Changes, said

DISK = "guests.k8s-1.disk"
KINDS = "write `size:` and `on:` (a pool), `size:` and `file:`, or `volume:` alone"
IMAGE = {"size": "10GiB", "file": "/var/lib/images/a.qcow2"}


def guest(number: int, **more: Any) -> dict[str, Any]:
    own = {"on": "dl1", "cpus": "1", "memory": "1GiB", "disk": {"size": "10GiB", "on": "tank"}}
    return own | {"links": {"lan": {"address": f"192.168.10.{number}"}}} | more


@pytest.mark.parametrize(
    "disk", [{"size": "1GiB", "on": "tank"}, {"size": "1GiB", "file": "/srv/a.raw"}, {"volume": "vmstore"}]
)
def test_a_disk_is_a_zvol_an_image_or_a_volume(disk: dict[str, str]) -> None:
    assert said({DISK: disk}) == []


@pytest.mark.parametrize(
    ("disk", "line"),
    [
        ({}, f"is empty; {KINDS}"),
        ({"on": "tank"}, f"has no size; {KINDS}"),
        ({"size": "1GiB"}, "has a size, but lies nowhere; add `on:` with a pool of the host, or `file:`"),
        (IMAGE | {"on": "tank"}, "lies in a pool and in a file at once; keep `on` or `file`"),
        (
            {"volume": "vmstore", "size": "1GiB"},
            f"is a volume, which is taken whole, and has `size` as well; {KINDS}",
        ),
    ],
)
def test_a_disk_is_one_thing(disk: dict[str, str], line: str) -> None:
    assert said({DISK: disk}) == [f"{DISK}: {line}"]


def test_a_guest_has_a_disk() -> None:
    assert said({DISK: REMOVED}) == ["guests.k8s-1: has no disk to start from; add `disk: {size: 40GiB, on: POOL}`"]


def test_the_root_disk_is_written_once() -> None:
    assert said({"guests.k8s-1.disks": {"data": IMAGE}}) == []
    assert said({"guests.k8s-1.disks": {"root": IMAGE}}) == [
        "guests.k8s-1.disks.root: is what `disk` is called already; keep one of the two"
    ]


def test_a_zvol_lies_in_a_pool_of_the_host() -> None:
    assert said({f"{DISK}.on": "tnak"}) == [f"{DISK}.on: tnak is not a pool of host dl1; did you mean tank?"]


def test_a_volume_exists() -> None:
    assert said({DISK: {"volume": "vmstor"}}) == [
        f"{DISK}.volume: vmstor is not a volume of this lab; did you mean vmstore?"
    ]


def test_a_volume_has_a_replica_where_the_guest_runs() -> None:
    assert said({"guests.k8s-3.disk": {"volume": "vmstore"}}) == [
        "guests.k8s-3.disk.volume: vmstore has no replica on host dl3; run the guest on one of dl1, dl2"
    ]


def test_a_volume_has_one_guest() -> None:
    assert said({DISK: {"volume": "vmstore"}, "guests.k8s-2.disks": {"data": {"volume": "vmstore"}}}) == [
        "guests.k8s-2.disks.data.volume: vmstore is a disk of guest k8s-1 already; "
        "two guests on one volume destroy it: make a second volume"
    ]


@pytest.mark.parametrize("file", ["/srv/a", "/srv/a.iso", "/srv/"])
def test_an_image_is_called_like_one(file: str) -> None:
    assert said({DISK: {"size": "1GiB", "file": file}}) == [
        f"{DISK}.file: {file} is not called like a disk image; let it end in .qcow2 or .raw"
    ]


def test_two_guests_of_a_host_do_not_share_an_image() -> None:
    changes: Changes = {DISK: IMAGE, "guests.other": guest(60, disk=IMAGE)}
    assert said(changes) == [
        "guests.other.disk.file: would be /var/lib/images/a.qcow2, as disk root of guest k8s-1 is on host dl1; "
        "rename one of the two"
    ]
    assert said(changes | {"guests.other.on": "dl2"}) == []


def test_two_guests_of_a_host_do_not_share_a_zvol() -> None:
    zvol = {"size": "1GiB", "on": "tank"}
    changes: Changes = {
        "guests.a": guest(60, disk=None, disks={"b-c": zvol}),
        "guests.a-b": guest(61, disk=None, disks={"c": zvol}),
    }
    assert said(changes) == [
        "guests.a-b.disks.c: would be tank/guests/a-b-c, as disk b-c of guest a is on host dl1; rename one of the two"
    ]
    assert said(changes | {"guests.a-b.on": "dl2"}) == []


def test_swap_leaves_room_for_the_system() -> None:
    changes: Changes = {"guests.k8s-1.swap": "59GiB", "hosts.dl1.boot.swap": "99GiB"}
    assert said(changes | {"hosts.dl1.boot.disk_size": "100GiB"}) == []
    assert said({"guests.k8s-1.swap": "60GiB", "hosts.dl1.boot.swap": "9GiB", "hosts.dl1.boot.disk_size": "8GiB"}) == [
        "guests.k8s-1.swap: 60GiB leaves nothing of the system disk of 60GiB; make the disk larger, or the swap smaller",
        "hosts.dl1.boot.swap: 9GiB leaves nothing of the system disk of 8GiB; make the swap smaller",
    ]


def test_swap_leaves_room_on_a_volume_too() -> None:
    nas = guest(60, disk={"volume": "vmstore"}, swap="200GiB")
    assert said({"guests.nas": nas}) == [
        "guests.nas.swap: 200GiB leaves nothing of the system disk of 200GiB; make the disk larger, or the swap smaller"
    ]


def test_a_guest_has_as_many_disks_as_there_are_letters() -> None:
    disks = {f"d{number}": {"size": "1GiB", "on": "tank"} for number in range(26)}
    assert said({"guests.many": guest(60, disk=None, disks=disks)}) == []
    assert said({"guests.many": guest(60, disks=disks)}) == [
        "guests.many.disks: are 27 with `disk`, and a guest has 26 at most (vda to vdz); use fewer, larger ones"
    ]
