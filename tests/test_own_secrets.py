"""Secrets and age keys in an inventory: how they are read, what is refused, and that no value is ever shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.decide import decide
from pyhomelab.errors import InventoryRefused
from pyhomelab.inventory.load import load
from pyhomelab.secrets.needed import secrets_of
from pyhomelab.text.bech32 import encoded
from tests.labs import REMOVED, Changes, lab

if TYPE_CHECKING:
    from pathlib import Path

RECIPIENT = "age1yt3tfqlfrwdwx0z0ynwplcr6qxcxfaqycuprpmy89nr83ltx74tqdpszlw"
YUBIKEY = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"
LAB = """\
lab:
  name: home
  state_version: "26.05"
  admins:
    - name: mika
      ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c]
      age_keys: [AGE]
networks:
  lan: {cidr: 192.168.10.0/24}
hosts:
  dl1:
    cpu_threads: 4
    memory: 8GiB
    boot: {firmware: uefi, disk: /dev/disk/by-id/ata-A}
    links: {eno1: {network: lan, address: 192.168.10.11}}
secrets: SECRETS
"""


def mistakes(directory: Path, *, age: str = RECIPIENT, secrets: str = "{}") -> list[str]:
    """What is said of a lab with this recipient and these secrets."""
    file = directory / "lab.yaml"
    file.write_text(LAB.replace("AGE", age).replace("SECRETS", secrets))
    try:
        load(file)
    except InventoryRefused as refused:
        said = str(refused)
    else:
        return []
    assert "canary" not in said
    return [line.partition("lab.yaml:")[2] for line in said.splitlines()[:-1]]


@pytest.mark.parametrize("recipient", [RECIPIENT, YUBIKEY])
def test_recipients_of_age_and_of_its_plugins_are_taken(tmp_path: Path, recipient: str) -> None:
    assert mistakes(tmp_path, age=recipient) == []


@pytest.mark.parametrize(
    ("recipient", "said"),
    [
        (
            RECIPIENT.replace("yt3t", "yt4t"),
            f"7:18: lab.admins[0].age_keys[0]: {RECIPIENT.replace('yt3t', 'yt4t')[:59]}… is mistyped: "
            "its checksum does not fit; copy it again, as `age-keygen -y` shows it",
        ),
        (
            "mika@example.org",
            "7:18: lab.admins[0].age_keys[0]: mika@example.org is not a recipient of age; "
            "write the public key, which begins with age1; `age-keygen -y` shows it",
        ),
        (
            encoded("age", bytes(20)),
            f"7:18: lab.admins[0].age_keys[0]: {encoded('age', bytes(20))} is not a recipient of age; "
            "its key has 20 bytes, and one of age has 32",
        ),
    ],
)
def test_what_is_no_recipient_of_age_is_refused(tmp_path: Path, recipient: str, said: str) -> None:
    assert mistakes(tmp_path, age=recipient) == [said]


def test_a_private_key_of_age_is_not_shown(tmp_path: Path) -> None:
    assert mistakes(tmp_path, age="AGE-SECRET-KEY-1CANARYcanary") == [
        "7:18: lab.admins[0].age_keys[0]: holds what looks like a secret; remove it, make a new one with "
        "`pyhomelab secret generate`, and treat this one as known to others"
    ]


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        (
            "{db: canary}",
            "16:11: secrets.db: is not a mapping; write `machines:` with those who read it; "
            "`pyhomelab secret set` takes the value, never the inventory",
        ),
        (
            "{db: {machines: [dl1], value: canary}}",
            "16:33: secrets.db.value: is not a key that exists here; "
            "there are group, machines, mode, owner, restart_units, used_for",
        ),
        (
            "{db: {machines: [dl1], password: canary}}",
            "16:33: secrets.db.password: looks like a secret, and no secret may stand in the inventory; remove it and "
            "give it to `pyhomelab secret set`; it then lies encrypted under secrets/",
        ),
        (
            "{db: {machines: [dl1], mode: canary}}",
            "16:33: secrets.db.mode: is not the mode of a file; write three octal digits, such as 0440",
        ),
        ("{db: {machines: [dl2]}}", "16:27: secrets.db.machines[0]: dl2 is not a machine of this lab; did you mean dl1?"),
        ("{db: {machines: []}}", "16:16: secrets.db.machines: is empty; name at least one"),
        ("{db: {}}", "16:11: secrets.db: lacks the key machines; add `machines:` "
         "(Hosts and guests that read it, as /run/secrets/<name>; nobody else but the admins can)"),
        (
            "{Db: {machines: [dl1]}}",
            "16:11: secrets.Db: is not the name of a secret; use lower-case letters, digits, hyphens and underscores, "
            "beginning with a letter, at most 63 characters",
        ),
    ],
)  # fmt: skip
def test_a_value_in_the_place_of_a_secret_is_refused_and_not_shown(tmp_path: Path, secrets: str, said: str) -> None:
    assert mistakes(tmp_path, secrets=secrets) == [said]


def test_a_machine_that_could_not_be_read_may_be_named(tmp_path: Path) -> None:
    broken = LAB.replace("memory: 8GiB", "memory: much").replace("AGE", RECIPIENT)
    (tmp_path / "lab.yaml").write_text(broken.replace("SECRETS", "{db: {machines: [dl1]}}"))

    with pytest.raises(InventoryRefused) as refused:
        load(tmp_path / "lab.yaml")

    assert [mistake.path for mistake in refused.value.mistakes] == ["hosts.dl1.memory"]


def options(machine: str, changes: Changes) -> dict[str, Any]:
    """All `homelab` options of a machine."""
    decided = next(one for one in decide(lab(changes)) if one.name == machine)
    return {concern: value for part in decided.parts.values() for concern, value in part.items()}


def test_exactly_the_machines_that_are_named_are_told_of_a_secret() -> None:
    secret = {"machines": ["dl1", "k8s-1"], "used_for": "a test", "owner": "www", "restart_units": ["web.service"]}
    changes = {"secrets": {"web": secret}}

    told = {"own": {"web": {"usedFor": "a test", "owner": "www", "restartUnits": ["web.service"]}}}
    assert options("dl1", changes)["secrets"] == told
    assert options("k8s-1", changes)["secrets"] == told
    assert "secrets" not in options("dl2", changes)


def test_secrets_of_the_labs_own_are_listed_with_their_readers() -> None:
    changes = {"volumes": REMOVED, "clusters": REMOVED, "secrets": {"web": {"machines": ["dl1", "k8s-1"]}}}

    [secret] = secrets_of(lab(changes))

    assert (secret.name, secret.used_for, secret.hosts) == ("web", "programs of your own", ("dl1", "k8s-1"))
    assert secret.made_by == "pyhomelab secret set web"
