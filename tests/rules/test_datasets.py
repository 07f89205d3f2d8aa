from __future__ import annotations

import pytest

from tests.labs import said

TANK = "hosts.dl1.zfs.tank"
VMS = f"{TANK}.datasets.vms"


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("quota", "500G", "write `quota:` at the dataset"),
        ("reservation", "1G", "write `reservation:` at the dataset"),
        ("mountpoint", "/srv", "write `mountpoint:` at the dataset"),
        ("encryption", "on", "write `encrypted: true` at the pool"),
        ("keylocation", "prompt", "write `encrypted: true` at the pool"),
    ],
)
def test_a_property_of_a_dataset_has_one_place(key: str, value: str, hint: str) -> None:
    assert said({VMS: {"properties": {key: value}}}) == [f"{VMS}.properties.{key}: has a key of its own; {hint}"]


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("ashift", "12", "write `ashift:` at the pool"),
        ("autotrim", "on", "`zfs_trim:` of the host says when SSDs are trimmed"),
        ("mountpoint", "/tank", "write `mountpoint:` at a dataset of the pool"),
    ],
)
def test_a_property_of_a_pool_has_one_place(key: str, value: str, hint: str) -> None:
    assert said({f"{TANK}.properties": {key: value}}) == [f"{TANK}.properties.{key}: has a key of its own; {hint}"]


def test_any_other_property_may_be_set() -> None:
    changes = {VMS: {"properties": {"recordsize": "1M"}}, f"{TANK}.properties": {"compression": "zstd"}}
    assert said(changes) == []


def test_two_datasets_of_a_host_are_not_mounted_in_one_place() -> None:
    datasets = {"a": {"mountpoint": "/srv/data"}, "b": {"mountpoint": "/srv/data/"}}
    assert said({f"{TANK}.datasets": datasets}) == [
        f"{TANK}.datasets.b.mountpoint: /srv/data/ is the mount point of dataset tank/a, too; "
        "give each dataset a place of its own"
    ]


def test_two_hosts_may_mount_datasets_in_one_place() -> None:
    dataset = {"a": {"mountpoint": "/srv/data"}, "b": {"mountpoint": "none"}, "c": {"mountpoint": "none"}}
    assert said({f"{TANK}.datasets": dataset, "hosts.dl2.zfs.tank.datasets": dataset}) == []


@pytest.mark.parametrize("place", ["/", "/nix", "/boot", "/etc"])
def test_no_dataset_is_mounted_over_the_system(place: str) -> None:
    assert said({VMS: {"mountpoint": place}}) == [
        f"{VMS}.mountpoint: {place} is where the system itself lies; choose a place such as /srv/data"
    ]


def test_homes_may_lie_in_a_data_pool_unless_the_root_pool_has_them() -> None:
    assert said({VMS: {"mountpoint": "/home"}}) == []
    assert said({VMS: {"mountpoint": "/home"}, "hosts.dl1.boot.filesystem": "zfs"}) == [
        f"{VMS}.mountpoint: /home is where the system itself lies; choose a place such as /srv/data"
    ]


def test_snapshots_are_kept() -> None:
    none = dict.fromkeys(("hourly", "daily", "weekly", "monthly", "yearly"), "0")
    assert said({VMS: {"snapshots": none}}) == [
        f"{VMS}.snapshots: keep none; keep at least one, or leave `snapshots` out"
    ]
    assert said({VMS: {"snapshots": none | {"yearly": "1"}}}) == []


def test_no_more_is_reserved_than_a_dataset_may_hold() -> None:
    assert said({VMS: {"quota": "10GiB", "reservation": "10GiB"}}) == []
    assert said({VMS: {"quota": "10GiB", "reservation": "11GiB"}}) == [
        f"{VMS}.reservation: 11GiB is more than the quota of 10GiB; raise the quota, or reserve less"
    ]


@pytest.mark.parametrize(
    ("name", "owner"), [("guests/k8s-1-root", "disk root of guest k8s-1"), ("drbd/vmstore", "volume vmstore")]
)
def test_a_dataset_is_not_the_disk_of_a_guest(name: str, owner: str) -> None:
    assert said({f"{TANK}.datasets": {name: {}}}) == [
        f"{TANK}.datasets.{name}: is the name under which {owner} is made; "
        "guests/ and drbd/ hold the disks that are made from the inventory: call it something else"
    ]


def test_the_parent_of_the_disks_of_guests_may_have_properties() -> None:
    assert said({f"{TANK}.datasets": {"guests": {"properties": {"compression": "lz4"}}}}) == []


@pytest.mark.parametrize("place", ["/proc/a", "/run/data", "/sys/x"])
def test_no_dataset_is_mounted_in_memory(place: str) -> None:
    assert said({VMS: {"mountpoint": place}}) == [
        f"{VMS}.mountpoint: {place} is where the system itself lies; choose a place such as /srv/data"
    ]


@pytest.mark.parametrize("place", ["/var", "/var/lib", "/var/log"])
def test_what_is_mounted_early_is_not_encrypted(place: str) -> None:
    assert said({VMS: {"mountpoint": place}}) == []
    assert said({VMS: {"mountpoint": place}, f"{TANK}.encrypted": True}) == [
        f"{VMS}.mountpoint: {place} is mounted before the key of its encrypted pool can be read; "
        "choose a place such as /srv/data, or a pool without encryption"
    ]
