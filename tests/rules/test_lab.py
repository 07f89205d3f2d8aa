from __future__ import annotations

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pyhomelab.model import Inventory
from pyhomelab.rules import EVERYTHING, RULES, judge
from tests.labs import REMOVED, Changes, lab, said, written


def test_a_lab_of_three_servers_has_no_mistakes() -> None:
    assert judge(lab()) == []


def test_the_smallest_lab_has_no_mistakes() -> None:
    changes: Changes = {
        "networks": {"lan": {"cidr": "192.168.1.0/24"}},
        "hosts": {
            "mini": {
                "cpu_threads": "4",
                "memory": "8GiB",
                "boot": {"disk": "/dev/disk/by-id/nvme-MINI_1"},
                "links": {"eno1": {"network": "lan", "address": "dhcp"}},
            }
        },
        "volumes": {},
        "guests": {},
        "clusters": {},
    }
    assert said(changes) == []


def test_every_rule_promises_something() -> None:
    assert [rule.__name__ for rule in RULES if not rule.__doc__] == []


def test_no_rule_is_judged_twice() -> None:
    assert len(RULES) == len(set(RULES))


@pytest.mark.parametrize(
    ("section", "name"),
    [("hosts", "dl1"), ("networks", "storage"), ("networks", "lan"), ("volumes", "vmstore"), ("guests", "k8s-1")],
)
def test_nothing_is_said_about_references_to_a_part_that_could_not_be_read(section: str, name: str) -> None:
    changes: Changes = {
        "guests.nas": {
            "on": "anywhere",
            "cpus": "2",
            "memory": "4GiB",
            "disk": {"volume": "vmstore"},
            "links": {"lan": {"address": "192.168.10.30"}},
        },
        f"{section}.{name}": REMOVED,
    }
    assert said(changes, frozenset({(section, name)})) == []


@pytest.mark.parametrize("spelling", ["DL1", "dl_1"])
def test_nothing_is_said_about_references_to_a_part_whose_name_is_spelt_as_no_name_is(spelling: str) -> None:
    changes: Changes = {"hosts.dl1": REMOVED, "guests.k8s-2.on": "dl4"}
    assert said(changes, frozenset({("hosts", spelling)})) == [
        "guests.k8s-2.on: dl4 is not a host of this lab; did you mean dl2 or dl3?"
    ]


def test_nothing_is_said_about_references_into_a_section_that_could_not_be_read() -> None:
    assert said({"guests": {}}, frozenset({("guests", EVERYTHING)})) == []


def test_every_mistake_is_found_at_once() -> None:
    changes = {
        "hosts.dl2.links.eno1.address": "192.168.10.11",
        "guests.k8s-2.on": "dl9",
        "clusters.home.servers": ["k8s-1", "k8s-2"],
        "volumes.vmstore.witness": REMOVED,
    }
    assert [line.partition(": ")[0] for line in said(changes)] == [
        "hosts.dl2.links.eno1.address",
        "volumes.vmstore",
        "guests.k8s-2.on",
        "clusters.home.servers",
    ]


def test_in_a_large_lab_only_the_first_misses_are_looked_up() -> None:
    changes: Changes = {}
    for number in range(120):
        changes[f"hosts.other-{number}"] = {
            "cpu_threads": "4",
            "memory": "8GiB",
            "boot": {"disk": f"/dev/disk/by-id/ata-OTHER_{number}"},
            "links": {"eno1": {"network": "lan", "address": "dhcp"}},
        }
    changes["volumes"] = {
        f"lost-{number}": {"size": "1GiB", "on": "tank", "network": "storage", "replicas": [f"oher-{number}", "dl1"]}
        | {"minor": str(number), "quorum": "off"}
        for number in range(200)
    }
    lines = said(changes)
    assert lines[0] == "volumes.lost-0.replicas[0]: oher-0 is not a host of this lab; did you mean other-0?"
    assert lines[-1] == (
        "volumes.lost-199.replicas[0]: oher-199 is not a host of this lab; name one of the 123 there are"
    )


ENTRIES = [
    (section, name) for section in ("networks", "hosts", "volumes", "guests", "clusters") for name in written()[section]
]
LEAVES = [
    "hosts.dl1.kvm",
    "hosts.dl1.links",
    "hosts.dl1.zfs",
    "hosts.dl2.links.eno1.network",
    "hosts.dl2.links.eno2.address",
    "networks.lan.gateway",
    "networks.storage.vlan",
    "guests.k8s-1.disk",
    "guests.k8s-2.links.lan.address",
    "clusters.home.vip",
    "volumes.vmstore.witness",
]
REFERENCES = [
    "guests.k8s-1.on",
    "guests.k8s-2.disk.on",
    "volumes.vmstore.network",
    "volumes.vmstore.on",
    "volumes.vmstore.witness",
    "hosts.dl3.links.eno1.network",
    "clusters.home.network",
]
NAMES = ["dl1", "dl9", "k8s-1", "lan", "storage", "tank", "anywhere", "vmstore"]


@settings(deadline=None)
@given(
    left_out=st.sets(st.sampled_from(ENTRIES), max_size=4),
    removed=st.sets(st.sampled_from(LEAVES), max_size=4),
    named=st.dictionaries(st.sampled_from(REFERENCES), st.sampled_from(NAMES), max_size=4),
    servers=st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
    replicas=st.lists(st.sampled_from(NAMES), max_size=4),
)
def test_a_lab_is_judged_whatever_is_wrong_with_it(
    left_out: set[tuple[str, str]],
    removed: set[str],
    named: dict[str, str],
    servers: list[str],
    replicas: list[str],
) -> None:
    changes: Changes = {"clusters.home.servers": servers, "volumes.vmstore.replicas": replicas}
    changes |= named
    changes |= {path: None for path in removed if path not in {"hosts.dl1.links", "hosts.dl1.zfs"}}
    changes |= {path: {} for path in removed if path == "hosts.dl1.zfs"}
    changes |= {path: {"eno9": {}} for path in removed if path == "hosts.dl1.links"}
    changes["guests.nas"] = {
        "on": "anywhere",
        "cpus": "2",
        "memory": "4GiB",
        "disk": {"volume": "vmstore"},
        "links": {"lan": {"address": "192.168.10.30"}},
    }
    data = written(changes)
    for section, name in left_out:
        data[section].pop(name)
    try:
        inventory = Inventory.model_validate(data)
    except ValidationError:
        reject()  # nothing is left of hosts or networks
    for mistake in judge(inventory, frozenset(left_out)):
        assert mistake.reason
        assert mistake.hint
        top, entry = mistake.path[:2]
        assert top == "lab" or entry in data[str(top)]
