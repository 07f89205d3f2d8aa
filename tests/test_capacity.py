from __future__ import annotations

from typing import Any

import pytest

from pyhomelab.allocation.capacity import Cpu, Memory, Space, arc_max, capacity, memory_to_promise, ratios, usable_space
from pyhomelab.allocation.placement import place
from pyhomelab.model import Host, Pool
from pyhomelab.model.units import GiB, MiB
from tests.labs import REMOVED, Changes, lab, written

TANK = "hosts.dl1.zfs.tank"


def counted(changes: Changes | None = None) -> Any:
    inventory = lab(changes)
    return capacity(inventory, place(inventory))["dl1"]


def test_a_host_is_counted_with_its_guests_and_volumes() -> None:
    has = counted({f"{TANK}.disk_size": "1TiB"})
    assert has.memory == Memory(
        total=36 * GiB, reserved=GiB, arc=4608 * MiB, hugepages=0, guests=8 * GiB, hugepage_guests=0, ratio=1.0
    )
    assert has.cpu == Cpu(threads=16, promised=4, ratio=4.0)
    assert has.pools == {
        "tank": Space(usable=992 * GiB, zvols=60 * GiB, volumes=200 * GiB, files=0, reserved=0, ratio=1.0)
    }
    assert has.boot == Space(usable=None, zvols=0, volumes=0, files=0, reserved=0, ratio=1.0)


def test_every_host_is_counted_even_without_guests() -> None:
    inventory = lab({"guests": {}, "clusters": {}})
    assert list(capacity(inventory, {})) == ["dl1", "dl2", "dl3"]


def test_a_guest_is_counted_where_it_was_placed() -> None:
    changes: Changes = {"guests.k8s-1.on": "anywhere", "guests.k8s-1.disk": {"volume": "vmstore"}}
    inventory = lab(changes)
    assert capacity(inventory, {"k8s-1": "dl1"})["dl1"].memory.guests == 8 * GiB
    assert capacity(inventory, {"k8s-1": "dl2"})["dl1"].memory.guests == 0


def test_a_guest_of_an_unknown_host_is_not_counted() -> None:
    assert counted({"guests.k8s-1.on": "dl9"}).memory.guests == 0


@pytest.mark.parametrize(
    ("memory", "arc"), [("36GiB", 4608 * MiB), ("1GiB", 256 * MiB), ("512GiB", 16 * GiB), ("1025MiB", 256 * MiB)]
)
def test_the_zfs_cache_gets_an_eighth_of_the_memory(memory: str, arc: int) -> None:
    assert arc_max(lab({"hosts.dl1.memory": memory}).hosts["dl1"]) == arc


def test_the_zfs_cache_gets_what_is_written() -> None:
    assert arc_max(lab({"hosts.dl1.zfs_arc_max": "3GiB"}).hosts["dl1"]) == 3 * GiB


@pytest.mark.parametrize(("filesystem", "arc"), [("ext4", 0), ("zfs", 4608 * MiB)])
def test_there_is_a_zfs_cache_where_there_is_zfs(filesystem: str, arc: int) -> None:
    changes: Changes = {"hosts.dl3.zfs": {}, "hosts.dl3.boot.filesystem": filesystem}
    assert arc_max(lab(changes).hosts["dl3"]) == arc


def test_a_host_states_only_the_ratios_that_differ() -> None:
    inventory = lab({"lab.overcommit": {"memory": "1.5", "disk": "2"}, "hosts.dl1.overcommit": {"disk": "3"}})
    own = ratios(inventory, inventory.hosts["dl1"])
    assert (own.memory, own.cpu, own.disk) == (1.5, 4.0, 3.0)
    assert ratios(inventory, inventory.hosts["dl2"]) == inventory.lab.overcommit


def test_huge_pages_are_promised_apart() -> None:
    inventory = lab({"hosts.dl1.kvm": {"hugepages": {"total": "8GiB"}}, "hosts.dl1.overcommit": {"memory": "2"}})
    assert memory_to_promise(inventory, inventory.hosts["dl1"]) == (45 * GiB, 8 * GiB)


def vdev(layout: str, count: int) -> dict[str, Any]:
    return {"layout": layout, "disks": [f"/dev/disk/by-id/{layout}-{number}" for number in range(count)]}


@pytest.mark.parametrize(
    ("layout", "count", "disks"),
    [
        ("stripe", 3, 3),
        ("mirror", 2, 1),
        ("mirror", 3, 1),
        ("raidz1", 4, 3),
        ("raidz2", 6, 4),
        ("raidz3", 8, 5),
        ("draid1", 5, 4),
        ("draid2", 20, 16),
        ("mirror", 1, 1),
    ],
)
def test_a_layout_leaves_some_of_its_disks(layout: str, count: int, disks: int) -> None:
    pool = Pool.model_validate(vdev(layout, count) | {"disk_size": "32GiB"})
    assert usable_space(pool) == disks * 31 * GiB


def test_several_vdevs_add_up_and_support_vdevs_do_not() -> None:
    vdevs = [vdev("mirror", 2), vdev("mirror", 2)]
    pool = Pool.model_validate({"vdevs": vdevs, "special": [vdev("mirror", 2)], "disk_size": "32GiB"})
    assert usable_space(pool) == 62 * GiB


def test_a_pool_of_unknown_disks_has_unknown_space() -> None:
    assert usable_space(Pool.model_validate(vdev("mirror", 2))) is None
    assert not counted().pools["tank"].is_over


@pytest.mark.parametrize(
    ("boot", "usable"),
    [
        ({}, None),
        ({"disk_size": "33GiB"}, 32 * GiB),
        ({"disk_size": "41GiB", "swap": "8GiB"}, 32 * GiB),
        ({"disk_size": "33GiB", "filesystem": "zfs"}, 31 * GiB),
        ({"disk_size": "512MiB"}, 0),
    ],
)
def test_the_system_disk_has_what_boot_and_swap_leave(boot: dict[str, str], usable: int | None) -> None:
    assert counted({f"hosts.dl1.boot.{key}": value for key, value in boot.items()}).boot.usable == usable


def test_an_image_in_a_dataset_is_promised_of_its_pool() -> None:
    changes: Changes = {
        f"{TANK}.datasets": {"images": {"mountpoint": "/srv/images"}, "deep": {"mountpoint": "/srv/images/deep/"}},
        "guests.k8s-1.disks": {
            "a": {"size": "1GiB", "file": "/srv/images/sub/a.raw"},
            "b": {"size": "2GiB", "file": "/srv/images/deep/b.raw"},
            "c": {"size": "4GiB", "file": "/srv/c.raw"},
        },
    }
    has = counted(changes)
    assert (has.pools["tank"].files, has.boot.files) == (3 * GiB, 4 * GiB)


def test_a_reservation_counts_what_lies_below_it() -> None:
    datasets = {"guests": {"reservation": "100GiB"}, "guests/k8s-1-root/x": {}, "drbd": {"reservation": "10GiB"}}
    space = counted({f"{TANK}.datasets": datasets}).pools["tank"]
    assert (space.zvols, space.volumes, space.reserved, space.promised) == (
        60 * GiB, 200 * GiB, 40 * GiB, 300 * GiB,
    )  # fmt: skip


def test_a_reservation_counts_the_reservations_below_it() -> None:
    datasets = {"a": {"reservation": "10GiB"}, "a/b": {"reservation": "4GiB"}, "a/c": {"reservation": "8GiB"}}
    changes: Changes = {f"{TANK}.datasets": datasets, "volumes": {}, "guests.k8s-1.disk": REMOVED}
    assert counted(changes).pools["tank"].promised == 12 * GiB


def test_a_witness_gives_no_space() -> None:
    inventory = lab()
    assert capacity(inventory, {})["dl3"].pools["tank"].volumes == 0


def test_a_host_that_cannot_serve_itself_is_over() -> None:
    host = Host.model_validate(written()["hosts"]["dl1"] | {"memory": "1GiB"})
    assert arc_max(host) == 256 * MiB
    assert counted({"hosts.dl1.memory": "1GiB", "guests": {}, "clusters": {}}).memory.is_over
