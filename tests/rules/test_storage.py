from __future__ import annotations

from typing import Any

import pytest

from tests.labs import REMOVED, Changes, said

TANK = "hosts.dl1.zfs.tank"


def disks(count: int, prefix: str = "NEW") -> list[str]:
    return [f"/dev/disk/by-id/ata-{prefix}_{number}" for number in range(count)]


def vdev(layout: str, count: int, prefix: str) -> dict[str, Any]:
    return {"layout": layout, "disks": disks(count, prefix)}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("cache[0]", {"cache": ["/dev/disk/by-id/ata-SYSTEM_1"]}),
        ("spares[0]", {"spares": ["/dev/disk/by-id/ata-SYSTEM_1"]}),
        ("log[0].disks[1]", {"log": [{"disks": [*disks(1), "/dev/disk/by-id/ata-SYSTEM_1"]}]}),
        ("special[0].disks[0]", {"special": [{"disks": ["/dev/disk/by-id/ata-SYSTEM_1", *disks(1)]}]}),
    ],
)
def test_the_system_disk_is_in_no_pool(path: str, value: Changes) -> None:
    assert said({f"{TANK}.{key}": disk for key, disk in value.items()}) == [
        f"{TANK}.{path}: /dev/disk/by-id/ata-SYSTEM_1 is the system disk of host dl1, too; "
        "a disk serves one purpose: name another"
    ]


def test_a_disk_is_in_one_pool() -> None:
    other = {"layout": "stripe", "disks": ["/dev/disk/by-id/ata-DATA_12"]}
    assert said({"hosts.dl1.zfs.fast": other}) == [
        "hosts.dl1.zfs.fast.disks[0]: /dev/disk/by-id/ata-DATA_12 is a disk of pool tank of host dl1, too; "
        "a disk serves one purpose: name another"
    ]


def test_a_disk_with_a_serial_number_is_in_one_host() -> None:
    assert said({"hosts.dl2.boot.disk": "/dev/disk/by-id/ata-DATA_11"}) == [
        "hosts.dl2.boot.disk: /dev/disk/by-id/ata-DATA_11 is a disk of pool tank of host dl1, too; "
        "a disk serves one purpose: name another"
    ]


@pytest.mark.parametrize("name", ["virtio-root", "scsi-0QEMU_QEMU_HARDDISK_drive-scsi0", "ata-QEMU_HARDDISK_QM00001"])
def test_virtual_disks_of_two_hosts_may_be_named_alike(name: str) -> None:
    disk = f"/dev/disk/by-id/{name}"
    assert said({"hosts.dl1.boot.disk": disk, "hosts.dl2.boot.disk": disk}) == []


def test_a_virtual_disk_still_serves_one_purpose() -> None:
    disk = "/dev/disk/by-id/virtio-root"
    assert said({"hosts.dl1.boot.disk": disk, f"{TANK}.cache": [disk]}) == [
        f"{TANK}.cache[0]: {disk} is the system disk of host dl1, too; a disk serves one purpose: name another"
    ]


def test_a_partition_is_no_disk() -> None:
    assert said({"hosts.dl1.boot.disk": "/dev/disk/by-id/ata-X-part2"}) == [
        "hosts.dl1.boot.disk: /dev/disk/by-id/ata-X-part2 is a partition; give the whole disk: /dev/disk/by-id/ata-X"
    ]


@pytest.mark.parametrize(
    ("pool", "line"),
    [
        ({}, f"{TANK}: has no disks for data; add `layout:` and `disks:`, or `vdevs:`"),
        ({"cache": disks(1)}, f"{TANK}: has no disks for data; add `layout:` and `disks:`, or `vdevs:`"),
        ({"disks": disks(2)}, f"{TANK}.disks: have no layout; add `layout:`, such as mirror"),
        (
            {"layout": "mirror"},
            f"{TANK}.layout: mirror is a layout without disks; add `disks:`, or write layout and disks in `vdevs:`",
        ),
    ],
)
def test_a_pool_has_a_layout_and_disks(pool: Changes, line: str) -> None:
    assert said({TANK: pool}) == [line]


@pytest.mark.parametrize(
    ("layout", "least"),
    [("mirror", 2), ("raidz1", 3), ("raidz2", 4), ("raidz3", 5), ("draid1", 3), ("draid2", 4), ("draid3", 5)],
)
def test_a_layout_needs_its_number_of_disks(layout: str, least: int) -> None:
    pool = {"layout": layout, "disks": disks(least)}
    assert said({TANK: pool}) == []
    count = f"{least - 1} disk" + ("s" if least > 2 else "")
    assert said({TANK: pool | {"disks": disks(least - 1)}}) == [
        f"{TANK}.disks: are {count}, and a {layout} needs {least}; add disks, or choose another layout"
    ]


def test_a_vdev_in_a_list_is_named_by_its_place() -> None:
    assert said({TANK: {"vdevs": [vdev("mirror", 1, "A")], "log": [vdev("mirror", 1, "B")]}}) == [
        f"{TANK}.vdevs[0].disks: are 1 disk, and a mirror needs 2; add disks, or choose another layout",
        f"{TANK}.log[0].disks: are 1 disk, and a mirror needs 2; add disks, or choose another layout",
    ]


def test_a_log_may_be_one_disk_where_that_is_said() -> None:
    assert said({f"{TANK}.log": [vdev("stripe", 1, "B")]}) == []


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (vdev("raidz1", 3, "B"), "is a raidz1 of 3 disks beside a mirror of 2 disks"),
        (vdev("mirror", 3, "B"), "is a mirror of 3 disks beside a mirror of 2 disks"),
        (vdev("stripe", 1, "B"), "is a stripe of 1 disk beside a mirror of 2 disks"),
    ],
)
def test_vdevs_of_a_pool_are_alike(second: Changes, reason: str) -> None:
    assert said({TANK: {"vdevs": [vdev("mirror", 2, "A"), second]}}) == [
        f"{TANK}.vdevs[1]: {reason}; a pool stands no more losses than its weakest vdev: make them alike"
    ]


def test_a_vdev_in_the_list_is_like_the_one_that_is_written_as_disks() -> None:
    pool = vdev("mirror", 2, "A")
    assert said({TANK: pool | {"vdevs": [vdev("mirror", 2, "B")]}}) == []
    assert said({TANK: pool | {"vdevs": [vdev("raidz2", 4, "B")]}}) == [
        f"{TANK}.vdevs[0]: is a raidz2 of 4 disks beside a mirror of 2 disks; "
        "a pool stands no more losses than its weakest vdev: make them alike"
    ]


def test_stripes_may_be_of_any_width() -> None:
    assert said({TANK: {"vdevs": [vdev("stripe", 1, "A"), vdev("stripe", 2, "B")]}}) == []


def test_a_special_vdev_is_as_redundant_as_its_pool() -> None:
    assert said({f"{TANK}.special": [vdev("mirror", 2, "B"), vdev("stripe", 2, "C")]}) == [
        f"{TANK}.special[1].layout: stripe takes the whole pool with it when a disk fails; "
        "give it two disks and `layout: mirror`"
    ]


def test_a_special_vdev_of_a_pool_without_redundancy_may_be_one_disk() -> None:
    assert said({TANK: vdev("stripe", 1, "A") | {"special": [vdev("stripe", 1, "B")]}}) == []


def test_a_data_pool_is_not_called_like_the_root_pool() -> None:
    pools: Changes = {"hosts.dl3.zfs": {"rpool": vdev("mirror", 2, "A")}, "guests.k8s-3": REMOVED, "clusters": {}}
    assert said(pools) == []
    assert said(pools | {"hosts.dl3.boot.filesystem": "zfs"}) == [
        "hosts.dl3.zfs.rpool: is the name of the pool on the system disk, which is ZFS here; "
        "call the data pool something else, such as tank"
    ]


def test_the_name_of_a_pool_leaves_room_in_the_labels_of_its_partitions() -> None:
    changes: Changes = {"guests": {}, "clusters": {}, "volumes": {}}
    assert said(changes | {"hosts.dl1.zfs": {"a" * 25: vdev("mirror", 2, "A")}}) == []
    assert said(
        changes | {"hosts.dl1.zfs": {"a" * 25: vdev("mirror", 2, "A") | {"log": [vdev("mirror", 2, "B")]}}}
    ) == [
        f"hosts.dl1.zfs.{'a' * 25}: is too long: the labels of its disks' partitions begin with it, "
        "and GPT has room for 36 letters; call the pool something with at most 21 letters, such as tank"
    ]
