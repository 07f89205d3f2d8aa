from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhomelab.allocation.identity import (
    guest_mac,
    guest_uuid,
    guest_zvol,
    host_id,
    host_ids,
    received_dataset,
    router_id,
    volume_minor,
    volume_port,
    volume_zvol,
)
from pyhomelab.model import Replication
from tests.labs import lab

names = st.from_regex("[a-z][a-z0-9-]{0,20}", fullmatch=True)
STAYS = {
    "host id": "7b7ffd88",
    "mac": "52:54:00:17:fe:f3",
    "uuid": "18f11012-ed34-505b-b14d-5dd8726df016",
    "minor": 132,
    "router id": 38,
}


def test_identities_stay_what_they_are_from_release_to_release() -> None:
    volume = lab().volumes["vmstore"]
    assert {
        "host id": host_id("home", "dl1"),
        "mac": guest_mac("home", "k8s-1", "lan"),
        "uuid": guest_uuid("home", "k8s-1"),
        "minor": volume_minor("vmstore", volume),
        "router id": router_id("home"),
    } == STAYS


@given(names, names)
def test_a_host_id_is_eight_digits_and_never_zero(lab_name: str, host: str) -> None:
    assert re.fullmatch("[0-9a-f]{8}", host_id(lab_name, host))
    assert host_id(lab_name, host) != "00000000"


@given(names, names, names)
def test_a_mac_is_of_the_range_of_qemu(lab_name: str, guest: str, network: str) -> None:
    assert re.fullmatch("52:54:00(:[0-9a-f]{2}){3}", guest_mac(lab_name, guest, network))


@given(names, names)
def test_a_uuid_is_of_version_five(lab_name: str, guest: str) -> None:
    assert uuid.UUID(guest_uuid(lab_name, guest)).version == 5


@given(names)
def test_a_router_id_fits_vrrp(cluster: str) -> None:
    assert 1 <= router_id(cluster) <= 255


@given(names)
def test_a_port_goes_with_the_number_of_the_device(name: str) -> None:
    volume = lab().volumes["vmstore"]
    assert 17000 <= volume_port(name, volume) == 17000 + volume_minor(name, volume) <= 17999


def test_a_written_number_is_taken() -> None:
    volume = lab({"volumes.vmstore.minor": "0"}).volumes["vmstore"]
    assert (volume_minor("vmstore", volume), volume_port("vmstore", volume)) == (0, 17000)


def test_names_that_are_cut_elsewhere_give_something_else() -> None:
    assert guest_mac("a", "b-c", "d") != guest_mac("a", "b", "c-d")
    assert host_id("ab", "c") != host_id("a", "bc")
    assert guest_uuid("a", "b") != guest_uuid("b", "a")


def test_every_machine_has_a_host_id_stated_or_derived() -> None:
    assert host_ids(lab({"hosts.dl2.host_id": "8425e349"})) == {
        "dl1": host_id("home", "dl1"),
        "dl2": "8425e349",
        "dl3": host_id("home", "dl3"),
    } | {f"k8s-{number}": host_id("home", f"k8s-{number}") for number in (1, 2, 3)}


def test_disks_lie_below_the_pool_by_what_they_are() -> None:
    assert (guest_zvol("k8s-1", "root"), volume_zvol("vmstore")) == ("guests/k8s-1-root", "drbd/vmstore")


@pytest.mark.parametrize(("dataset", "received"), [(None, "replica/dl1/tank/vms/db"), ("backup/db", "backup/db")])
def test_a_replica_is_received_where_it_is_written_or_by_its_origin(dataset: str | None, received: str) -> None:
    replica = Replication.model_validate({"host": "dl2", "pool": "tank", "dataset": dataset})
    assert received_dataset("dl1", "tank", "vms/db", replica) == received
