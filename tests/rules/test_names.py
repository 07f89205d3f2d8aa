from __future__ import annotations

import pytest

from tests.labs import KEY, REMOVED, said, written

GUEST = written()["guests"]["k8s-1"] | {"links": {"lan": {"address": "192.168.10.77"}}}


def test_a_guest_may_not_be_called_like_a_host() -> None:
    assert said({"guests.dl1": GUEST}) == [
        "guests.dl1: is the name of a host, too; machines find each other by name: rename one of the two"
    ]


def test_a_guest_may_not_be_called_like_a_host_that_could_not_be_read() -> None:
    assert said({"guests.dl4": GUEST}, frozenset({("hosts", "dl4")})) == [
        "guests.dl4: is the name of a host, too; machines find each other by name: rename one of the two"
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("anywhere", "is the word for a guest that more than one host may run"),
        ("examples", "is the name of the folder hosts/examples/, which holds example labs"),
        ("localhost", "is what every machine calls itself"),
        ("secrets", "is the name of the folder hosts/secrets/, which holds the secrets"),
    ],
)
def test_machines_are_not_called_what_means_something_else(name: str, reason: str) -> None:
    assert said({f"guests.{name}": GUEST}) == [f"guests.{name}: {reason}; call the machine something else"]


def test_a_guest_may_be_called_like_a_cluster_or_a_volume() -> None:
    assert said({"guests.home": GUEST}) == []


@pytest.mark.parametrize("name", ["lo", "eth0", "cni0"])
def test_networks_are_not_called_like_interfaces_that_exist(name: str) -> None:
    assert said({f"networks.{name}": {"cidr": "10.1.0.0/24"}}) == [
        f"networks.{name}: is the name of an interface that Linux or Kubernetes makes by itself; "
        "call the network something else: guests name their network cards after it"
    ]


@pytest.mark.parametrize("name", ["all", "default"])
def test_networks_are_not_called_what_linux_calls_many_interfaces(name: str) -> None:
    assert said({f"networks.{name}": {"cidr": "10.1.0.0/24"}}) == [
        f"networks.{name}: is a word for many interfaces at once to Linux; "
        "call the network something else: guests name their network cards after it"
    ]


def test_networks_may_be_called_nearly_like_interfaces() -> None:
    assert said({"networks.eth": {"cidr": "10.1.0.0/24"}}) == []


def test_admins_have_logins_of_their_own() -> None:
    mika = {"name": "mika", "ssh_keys": [KEY]}
    assert said({"lab.admins": [mika, {"name": "ren", "ssh_keys": [KEY]}, mika]}) == [
        "lab.admins[2].name: mika is the login of lab.admins[0], too; "
        "write both sets of keys under one of them, or choose another login"
    ]


@pytest.mark.parametrize("name", ["root", "syncoid-receiver", "systemd-network", "nixbld1"])
def test_no_admin_is_called_like_an_account_of_the_system(name: str) -> None:
    assert said({"lab.admins": [{"name": name, "ssh_keys": [KEY]}]}) == [
        f"lab.admins[0].name: {name} is an account of the system itself; choose a login of the person's own"
    ]


def test_two_clusters_do_not_share_a_secret() -> None:
    servers = written()["clusters"]["home"] | {"vip": None}
    changes = {
        "clusters": {"a": servers | {"servers": ["k8s-1"]}, "a-agent": servers | {"servers": ["k8s-2"]}},
    }
    assert said(changes) == [
        "clusters.a-agent: would share the secret k3s-a-agent-token with cluster a; rename one of the two"
    ]


def test_two_encrypted_pools_do_not_share_a_secret() -> None:
    rack = written()["hosts"]["dl1"]
    rack |= {"boot": {"disk": "/dev/disk/by-id/ata-R"}, "links": {"eno1": {"network": "lan", "address": "dhcp"}}}
    one = {"layout": "stripe", "disks": ["/dev/disk/by-id/ata-1"], "encrypted": True}
    changes = {
        "hosts.a": rack | {"zfs": {"b-c": one}},
        "hosts.a-b": rack
        | {"zfs": {"c": one | {"disks": ["/dev/disk/by-id/ata-2"]}}, "boot": {"disk": "/dev/disk/by-id/ata-S"}},
    }
    assert said(changes) == [
        "hosts.a-b.zfs.c: would share the secret zfs-a-b-c with pool b-c of host a; rename one of the two"
    ]
    assert said(changes | {"hosts.a-b.zfs.c.encrypted": REMOVED}) == []
