from __future__ import annotations

import re

import pytest

from pyhomelab.secrets.fresh import fresh
from pyhomelab.secrets.needed import Kind, Secret, secrets_of
from tests.labs import REMOVED, Changes, lab

KUBEADM: Changes = {"clusters.home.distribution": "kubeadm", "clusters.home.servers": ["k8s-1"]}
AGENTS: Changes = {"clusters.home.servers": ["k8s-1"], "clusters.home.agents": ["k8s-2", "k8s-3"]}


def needed(changes: Changes | None = None) -> dict[str, tuple[str, ...]]:
    return {secret.name: secret.hosts for secret in secrets_of(lab(changes))}


def test_a_lab_without_volumes_clusters_encryption_and_replication_needs_no_secret() -> None:
    assert needed({"volumes": REMOVED, "clusters": REMOVED}) == {}


def test_a_volume_has_a_password_between_its_replicas_and_its_witness() -> None:
    assert needed({"clusters": REMOVED}) == {"drbd-vmstore": ("dl1", "dl2", "dl3")}


def test_agents_of_a_k3s_cluster_cannot_read_the_token_of_its_servers() -> None:
    assert needed({"volumes": REMOVED} | AGENTS) == {
        "k3s-home-token": ("k8s-1",),
        "k3s-home-agent-token": ("k8s-1", "k8s-2", "k8s-3"),
    }


def test_agents_of_a_kubeadm_cluster_cannot_read_the_key_of_its_certificates() -> None:
    assert needed({"volumes": REMOVED} | AGENTS | KUBEADM) == {
        "kubeadm-home-token": ("k8s-1", "k8s-2", "k8s-3"),
        "kubeadm-home-certificate-key": ("k8s-1",),
    }


def test_an_encrypted_pool_has_a_key_that_its_host_alone_reads() -> None:
    changes = {"volumes": REMOVED, "clusters": REMOVED, "hosts.dl2.zfs.tank.encrypted": True}

    assert needed(changes) == {"zfs-dl2-tank": ("dl2",)}


def test_a_host_that_replicates_has_one_key_pair_whose_public_half_lies_beside() -> None:
    copied = {"replicate": {"host": "dl3", "pool": "tank"}}
    changes = {"volumes": REMOVED, "clusters": REMOVED, "hosts.dl1.zfs.tank.datasets": {"a": copied, "b": copied}}

    assert secrets_of(lab(changes)) == [
        Secret("syncoid-dl1-ssh-key", "sending snapshots to dl3", "SSH key pair", ("dl1",))
    ]
    assert secrets_of(lab(changes))[0].public == "syncoid-dl1.pub"


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("ZFS key", "[0-9a-f]{64}"),  # keyformat=hex
        ("passphrase", "[0-9a-f]{32}"),
        ("k3s token", "[0-9a-f]{64}"),
        ("k3s agent token", "[0-9a-f]{64}"),
        ("kubeadm token", r"[a-z0-9]{6}\.[a-z0-9]{16}"),
        ("certificate key", "[0-9a-f]{64}"),  # an AES-256 key
    ],
)
def test_a_new_secret_has_the_form_that_its_reader_wants_and_is_another_each_time(kind: Kind, form: str) -> None:
    made = {fresh(Secret("a", "a test", kind, ())).value for _ in range(20)}

    assert len(made) == 20
    assert all(re.fullmatch(form, value) for value in made)


def test_a_new_secret_does_not_show_itself() -> None:
    made = fresh(Secret("a", "a test", "k3s token", ()))

    assert repr(made) == "Fresh(public=None)"
