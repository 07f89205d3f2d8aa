from __future__ import annotations

from typing import Any

import pytest

from tests.labs import REMOVED, Changes, said

G = "guests.k8s-1"


def guest(number: int, **more: Any) -> dict[str, Any]:
    own = {"cpus": "1", "memory": "1GiB", "links": {"lan": {"address": f"192.168.10.{number}"}}}
    return own | {"on": "dl1", "disk": {"size": "10GiB", "on": "tank"}} | more


@pytest.mark.parametrize(
    ("on", "line"),
    [
        ("dl11", "dl11 is not a host of this lab; did you mean dl1?"),
        ("k8s-2", "k8s-2 is a guest itself; name the host that it runs on"),
    ],
)
def test_a_guest_runs_on_a_host(on: str, line: str) -> None:
    assert said({f"{G}.on": on}) == [f"{G}.on: {line}"]


def test_the_host_of_a_guest_runs_guests() -> None:
    assert said({"hosts.dl1.kvm": REMOVED}) == [f"{G}.on: dl1 runs no guests; write `kvm: {{}}` at host dl1"]


def test_a_guest_is_in_networks_that_its_host_bridges() -> None:
    changes: Changes = {f"{G}.links": {"lan": {"address": "192.168.10.21"}, "storage": {}}}
    assert said(changes) == [
        f"{G}.links.storage: has no bridge on host dl1; write `bridge: br-storage` where host dl1 has network storage"
    ]
    assert said(changes | {"hosts.dl1.links.eno2.bridge": "br-sto"}) == []


def test_a_tagged_network_may_be_bridged_too() -> None:
    changes: Changes = {
        "hosts.dl1.links.eno1.vlans": {"iot": {"bridge": "br-iot"}},
        "networks.iot": {"cidr": "10.1.0.0/24", "vlan": "30"},
        f"{G}.links": {"lan": {"address": "192.168.10.21"}, "iot": {}},
    }
    assert said(changes) == []


def test_a_guest_is_smaller_than_its_host() -> None:
    changes: Changes = {"hosts.dl1.overcommit": {"memory": "9", "cpu": "9"}, f"{G}.cpus": "16", f"{G}.memory": "35GiB"}
    assert said(changes) == []
    assert said(changes | {f"{G}.cpus": "17", f"{G}.memory": "36GiB"}) == [
        f"{G}.cpus: 17 are more than the 16 threads of host dl1; give the guest fewer, or a larger host",
        f"{G}.memory: 36GiB is more than the 35GiB that host dl1 has beside its own; "
        "give the guest less, or a larger host",
    ]


def test_huge_pages_of_a_guest_are_set_aside_by_its_host() -> None:
    assert said({f"{G}.hugepages": True}) == [
        f"{G}.hugepages: true needs huge pages, and host dl1 sets none aside; "
        "write `hugepages: {total: 8GiB}` under `kvm:` of host dl1"
    ]
    assert said({f"{G}.hugepages": True, "hosts.dl1.kvm": {"hugepages": {"total": "8GiB"}}}) == []


def test_memory_in_huge_pages_is_whole_pages() -> None:
    changes: Changes = {f"{G}.hugepages": True, f"{G}.memory": "1.5GiB"}
    assert said(changes | {"hosts.dl1.kvm": {"hugepages": {"total": "8GiB", "size": "2MiB"}}}) == []
    assert said(changes | {"hosts.dl1.kvm": {"hugepages": {"total": "8GiB"}}}) == [
        f"{G}.memory: 1.5GiB is not made of whole pages of 1GiB, as host dl1 has them; give it a multiple of 1GiB"
    ]


def test_memory_in_huge_pages_is_whole_pages_of_a_guest_anywhere_too() -> None:
    pages = {"kvm": {"hugepages": {"total": "8GiB"}}}
    changes: Changes = {f"hosts.{host}.kvm": pages["kvm"] for host in ("dl1", "dl2")}
    nas = guest(60, on="anywhere", disk={"volume": "vmstore"}, hugepages=True, memory="1.5GiB")
    assert said(changes | {"guests.nas": nas}) == [
        "guests.nas.memory: 1.5GiB is not made of whole pages of 1GiB, as host dl2 has them; give it a multiple of 1GiB"
    ]


def test_huge_pages_are_set_aside_whole() -> None:
    assert said({"hosts.dl1.kvm": {"hugepages": {"total": "2.5GiB"}}}) == [
        "hosts.dl1.kvm.hugepages.total: 2.5GiB is not made of whole pages of 1GiB; set aside a multiple of 1GiB"
    ]


GPU = "0000:03:00.0"
PASSING: Changes = {"hosts.dl1.kvm": {"cpu": "intel", "iommu": True}, "hosts.dl2.kvm": {"cpu": "amd", "iommu": True}}


def test_a_device_is_passed_to_one_guest_of_a_host() -> None:
    changes = PASSING | {f"{G}.pci": [GPU], "guests.other": guest(60, pci=[GPU])}
    assert said(changes) == [
        f"guests.other.pci[0]: {GPU} belongs to guest k8s-1 on host dl1; "
        "a device has one guest: take it out of one of the two places"
    ]
    assert said(changes | {"guests.other.on": "dl2"}) == []


def test_a_device_is_named_once() -> None:
    assert said(PASSING | {f"{G}.pci": [GPU, GPU]}) == [
        f"{G}.pci[1]: {GPU} is named twice; a device has one guest: take it out of one of the two places"
    ]


def test_passing_a_device_needs_the_iommu() -> None:
    assert said({f"{G}.pci": [GPU]}) == [
        f"{G}.pci[0]: {GPU} needs the IOMMU of host dl1, which is off; write `iommu: true` under `kvm:` of host dl1"
    ]


@pytest.mark.parametrize("key", ["nested", "iommu"])
def test_what_the_processor_does_needs_its_vendor(key: str) -> None:
    assert said({"hosts.dl1.kvm": {key: True, "cpu": "amd"}}) == []
    assert said({"hosts.dl1.kvm": {key: True}}) == [
        f"hosts.dl1.kvm.{key}: true is set by a module of the processor's vendor, which is not named; "
        "add `cpu: intel` or `cpu: amd` beside it"
    ]


def test_devices_are_kept_for_guests_only_with_the_iommu() -> None:
    assert said({"hosts.dl1.kvm": {"vfio": ["10de:1eb8"]}}) == [
        "hosts.dl1.kvm.vfio: need the IOMMU, which is off; add `iommu: true` beside it"
    ]


def test_an_arm_machine_has_no_bios() -> None:
    changes: Changes = {"hosts.dl1.system": "aarch64-linux", "hosts.dl1.kvm": REMOVED, "guests": {}, "clusters": {}}
    assert said(changes) == ["hosts.dl1.boot.firmware: bios does not exist on aarch64; write uefi"]
    assert said(changes | {"hosts.dl1.boot.firmware": "uefi"}) == []


def test_an_arm_machine_runs_no_guests() -> None:
    assert said({"hosts.dl1.system": "aarch64-linux", "hosts.dl1.boot.firmware": "uefi"}) == [
        "hosts.dl1.kvm: is for x86_64 alone, as guests are; "
        "leave `kvm` out: such a host can hold pools, volumes and nodes of a cluster"
    ]


def test_guests_of_a_group_are_on_unlike_hosts() -> None:
    changes: Changes = {
        f"{G}.anti_affinity": ["k8s"],
        "guests.k8s-2.anti_affinity": ["k8s"],
        "guests.other": guest(60, anti_affinity=["db", "k8s"]),
    }
    assert said(changes) == [
        "guests.other.anti_affinity[1]: k8s is the group of guest k8s-1, which is on host dl1 as well; "
        "put one of them on another host"
    ]
    assert said(changes | {"guests.other.on": "dl3"}) == []


def test_a_guest_anywhere_has_no_disk_of_one_host() -> None:
    own = {"root": {"size": "10GiB", "on": "tank"}, "data": {"volume": "vmstore"}}
    assert said({"guests.nas": guest(60, on="anywhere", disk=None, disks=own)}) == [
        "guests.nas.on: anywhere needs disks that more than one host has, and disk root is not a volume; "
        "name the host, or make the disk a DRBD volume"
    ]


def test_a_guest_anywhere_has_no_device_of_one_host() -> None:
    changes = PASSING | {"guests.nas": guest(60, on="anywhere", disk={"volume": "vmstore"}, pci=[GPU])}
    assert said(changes) == [
        "guests.nas.on: anywhere needs a guest without devices of a host; name the host, or leave `pci` out"
    ]
