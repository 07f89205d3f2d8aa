from __future__ import annotations

from typing import Any

from tests.labs import REMOVED, Changes, said


def nas(**more: Any) -> dict[str, Any]:
    own = {"on": "anywhere", "cpus": "2", "memory": "4GiB", "disk": {"volume": "vmstore"}}
    return own | {"links": {"lan": {"address": "192.168.10.30"}}} | more


NAS: Changes = {"guests.nas": nas()}
ON = "guests.nas.on: anywhere finds no host:"


def test_a_guest_may_run_wherever_its_volume_is() -> None:
    assert said(NAS) == []


def test_its_volumes_have_a_host_in_common() -> None:
    other = {"size": "1GiB", "on": "tank", "replicas": ["dl3", "dl2"], "witness": "dl1", "network": "storage"}
    disks = {"root": {"volume": "vmstore"}, "data": {"volume": "other"}}
    changes: Changes = {"volumes.other": other, "guests.nas": nas(disk=None, disks=disks)}
    assert said(changes) == []
    third = other | {"replicas": ["dl1", "dl3"], "witness": "dl2"}
    assert said(changes | {"volumes.third": third, "guests.nas.disks.more": {"volume": "third"}}) == [
        f"{ON} none holds a replica of all its volumes; give its volumes a host in common"
    ]


def test_one_of_its_hosts_runs_guests() -> None:
    alone: Changes = {"guests": {"nas": nas()}, "clusters": {}, "hosts.dl1.kvm": REMOVED}
    assert said(alone) == []
    assert said(alone | {"hosts.dl2.kvm": REMOVED}) == [
        f"{ON} each of dl1 and dl2 holds its volumes, and runs no guests; write `kvm: {{}}` at one of dl1 and dl2"
    ]


def test_one_of_its_hosts_bridges_its_networks() -> None:
    changes: Changes = {"guests.nas": nas(links={"lan": {"address": "192.168.10.30"}, "storage": {}})}
    assert said(changes) == [
        f"{ON} each of dl1 and dl2 holds its volumes, and has no bridge for network storage; "
        "write `bridge:` where one of dl1 and dl2 has network storage"
    ]
    assert said(changes | {"hosts.dl2.links.eno2.bridge": "br-sto"}) == []


def test_one_of_its_hosts_has_threads_enough() -> None:
    assert said({"guests.nas": nas(cpus="32")}) == [
        f"{ON} each of dl1 and dl2 holds its volumes, and has fewer than 32 threads; give the guest fewer `cpus`"
    ]


def test_one_of_its_hosts_has_memory_left() -> None:
    assert said({"guests.nas": nas(memory="30GiB")}) == [
        f"{ON} 30GiB of memory are free on none of dl1 and dl2; give it less memory, or move another guest away"
    ]


def test_one_of_its_hosts_has_huge_pages_left() -> None:
    changes: Changes = {"guests.nas": nas(hugepages=True)}
    assert said(changes) == [
        f"{ON} 4GiB of huge pages are free on none of dl1 and dl2; give it less memory, or move another guest away"
    ]
    assert said(changes | {"hosts.dl2.kvm": {"hugepages": {"total": "4GiB"}}}) == []


def test_one_of_its_hosts_has_no_guest_of_its_group() -> None:
    changes: Changes = {
        "guests.nas": nas(anti_affinity=["big"]),
        "guests.k8s-1.anti_affinity": ["big"],
        "guests.k8s-2.anti_affinity": ["big"],
    }
    assert said(changes) == [
        f"{ON} guests of its anti-affinity groups are on dl1 and dl2; "
        "add a replica on another host, or take the guest out of the group"
    ]
    assert said(changes | {"guests.k8s-2.anti_affinity": ["small"]}) == []


def test_nothing_is_said_of_the_place_while_a_volume_is_unknown() -> None:
    assert said({"guests.nas": nas(disk={"volume": "vmstor"})}) == [
        "guests.nas.disk.volume: vmstor is not a volume of this lab; did you mean vmstore?"
    ]
