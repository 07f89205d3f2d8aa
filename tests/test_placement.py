from __future__ import annotations

from typing import Any

from pyhomelab.allocation.placement import bridged_networks, candidates, holders, place
from tests.labs import REMOVED, Changes, lab


def anywhere(**more: Any) -> dict[str, Any]:
    own = {"on": "anywhere", "cpus": "2", "memory": "4GiB", "disk": {"volume": "vmstore"}}
    return own | {"links": {"lan": {"address": "192.168.10.30"}}} | more


def volume(*replicas: str) -> dict[str, Any]:
    return {"size": "1GiB", "on": "tank", "replicas": list(replicas), "network": "storage", "quorum": "off"}


def several(count: int, **more: Any) -> Changes:
    """Give guests that may be anywhere, each with a volume of all three hosts."""
    changes: Changes = {}
    for number in range(count):
        changes[f"volumes.v{number}"] = volume("dl1", "dl2", "dl3")
        changes[f"guests.g{number}"] = anywhere(disk={"volume": f"v{number}"}, **more)
    return changes


def test_a_guest_runs_where_it_is_written() -> None:
    assert place(lab()) == {"k8s-1": "dl1", "k8s-2": "dl2", "k8s-3": "dl3"}


def test_a_host_that_does_not_exist_is_taken_as_it_is_written() -> None:
    assert place(lab({"guests.k8s-1.on": "dl9"}))["k8s-1"] == "dl9"


def test_a_guest_anywhere_is_on_a_host_of_its_volume() -> None:
    assert place(lab({"guests.nas": anywhere()}))["nas"] in {"dl1", "dl2"}


def test_the_hosts_that_could_run_a_guest_are_sorted() -> None:
    inventory = lab(
        {"guests.nas": anywhere(), "volumes.vmstore.replicas": ["dl3", "dl1"], "volumes.vmstore.witness": "dl2"}
    )
    assert candidates(inventory, inventory.guests["nas"]) == ["dl1", "dl3"]


def test_a_guest_anywhere_needs_every_one_of_its_volumes() -> None:
    disks = {"root": {"volume": "vmstore"}, "data": {"volume": "other"}}
    changes: Changes = {"volumes.other": volume("dl3", "dl2"), "guests.nas": anywhere(disk=None, disks=disks)}
    assert place(lab(changes))["nas"] == "dl2"


def test_a_guest_anywhere_needs_a_host_with_kvm_bridges_and_threads() -> None:
    nas: Changes = {"guests.nas": anywhere()}
    assert place(lab(nas | {"hosts.dl1.kvm": REMOVED}))["nas"] == "dl2"
    assert place(lab(nas | {"hosts.dl2.links.eno1.bridge": REMOVED}))["nas"] == "dl1"
    assert place(lab(nas | {"hosts.dl2.cpu_threads": "1"}))["nas"] == "dl1"


def test_a_guest_anywhere_needs_memory_that_is_left() -> None:
    nas: Changes = {"guests.nas": anywhere(memory="22GiB")}
    assert place(lab(nas | {"hosts.dl1.zfs_arc_max": "6GiB"}))["nas"] == "dl2"
    assert place(lab(nas | {"hosts.dl2.zfs_arc_max": "6GiB"}))["nas"] == "dl1"
    assert "nas" not in place(lab({"guests.nas": anywhere(memory="35GiB")}))


def test_a_guest_with_a_disk_of_one_host_is_not_placed() -> None:
    zvol = {"size": "1GiB", "on": "tank"}
    assert "nas" not in place(lab({"guests.nas": anywhere(disk=zvol)}))
    assert "nas" not in place(lab({"guests.nas": anywhere(disks={"data": zvol})}))
    assert "nas" not in place(lab({"guests.nas": anywhere(disk=None)}))


def test_a_guest_whose_volume_is_unknown_is_not_placed() -> None:
    inventory = lab({"guests.nas": anywhere(disk={"volume": "lost"})})
    assert holders(inventory, inventory.guests["nas"]) == []
    assert "nas" not in place(inventory)


def test_guests_of_a_group_are_placed_apart() -> None:
    changes = several(3, anti_affinity=["db"])
    placed = place(lab(changes))
    assert {placed[f"g{number}"] for number in range(3)} == {"dl1", "dl2", "dl3"}
    changes = several(4, anti_affinity=["db"])
    assert len([name for name in place(lab(changes)) if name.startswith("g")]) == 3


def test_a_guest_keeps_clear_of_those_of_its_group_that_stay_where_they_are() -> None:
    changes: Changes = {"guests.nas": anywhere(anti_affinity=["k8s"]), "guests.k8s-1.anti_affinity": ["k8s"]}
    assert place(lab(changes))["nas"] == "dl2"


def test_guests_are_spread_over_hosts() -> None:
    placed = place(lab(several(12, memory="1GiB")))
    assert {placed[f"g{number}"] for number in range(12)} == {"dl1", "dl2", "dl3"}


def test_a_guest_stays_where_it_is_when_others_come_and_go() -> None:
    few, many = place(lab(several(3, memory="1GiB"))), place(lab(several(9, memory="1GiB")))
    assert {name: many[name] for name in few} == few


def test_the_order_of_the_inventory_places_nobody() -> None:
    inventory = lab(several(6))
    turned = inventory.model_copy(update={"guests": dict(reversed(inventory.guests.items()))})
    assert place(turned) == place(inventory)


def test_huge_pages_are_counted_apart_from_other_memory() -> None:
    changes: Changes = {
        "hosts.dl2.kvm": {"hugepages": {"total": "4GiB"}},
        "guests.nas": anywhere(hugepages=True),
    }
    assert place(lab(changes))["nas"] == "dl2"


def test_a_host_bridges_its_own_and_its_tagged_networks() -> None:
    vlans = {"storage": {"bridge": "br-sto"}, "iot": {"address": "10.1.0.11"}}
    changes: Changes = {"networks.iot": {"cidr": "10.1.0.0/24", "vlan": "30"}, "hosts.dl1.links.eno1.vlans": vlans}
    inventory = lab(changes)
    assert bridged_networks(inventory, "dl1") == {"lan": "br-lan", "storage": "br-sto"}
    assert bridged_networks(inventory, "dl2") == {"lan": "br-lan"}
