"""Rules for the secrets of the lab's own."""

from __future__ import annotations

import pytest

from tests.labs import Changes, said

BACKUP = {"machines": ["dl1", "k8s-1"]}


def own(**secrets: object) -> Changes:
    return {"secrets": {name.replace("_", "-"): secret for name, secret in secrets.items()}}


def test_hosts_and_guests_may_read_a_secret() -> None:
    assert said(own(backup=BACKUP)) == []


def test_only_machines_of_the_lab_read_a_secret() -> None:
    assert said(own(backup={"machines": ["dl1", "k8s-9"]})) == [
        "secrets.backup.machines[1]: k8s-9 is not a machine of this lab; did you mean k8s-1, k8s-2 or k8s-3?"
    ]


def test_each_machine_is_named_once() -> None:
    assert said(own(backup={"machines": ["dl1", "dl2", "dl1"]})) == [
        "secrets.backup.machines[2]: dl1 is named twice; name each machine once"
    ]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("drbd_vmstore", "volume vmstore"),
        ("k3s_home_token", "cluster home"),
        ("ssh_host_k8s_1", "the host key of k8s-1"),
        ("syncoid_dl1_ssh_key", "replication from host dl1"),
    ],
)
def test_a_secret_is_not_called_like_one_that_the_lab_needs_or_may_need(name: str, other: str) -> None:
    secret = name.replace("_", "-")
    assert said(own(**{name: BACKUP})) == [
        f"secrets.{secret}: would share the secret {secret} with {other}; rename one of the two"
    ]
