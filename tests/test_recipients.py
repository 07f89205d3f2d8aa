from __future__ import annotations

import subprocess
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

import pytest

from pyhomelab.secrets.needed import Secret
from pyhomelab.secrets.recipients import Readers, admin_recipients, host_recipient
from pyhomelab.text.bech32 import decoded, encoded
from tests.secret_keys import identity_of_host, make_key, needs_age, public

if TYPE_CHECKING:
    from pathlib import Path

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c"
RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDMFI94OvU"
HARDWARE = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t"
TOKEN = Secret("k3s-home-token", "a test", "k3s token", ("dl1", "dl2"))


def with_y(y: int) -> str:
    """The public key of the point at y."""
    return "ssh-ed25519 " + b64encode(b64decode(ED25519.split()[1])[:-32] + y.to_bytes(32, "little")).decode()


def test_an_admin_is_a_recipient_by_every_key_that_age_knows_without_its_comment() -> None:
    assert admin_recipients([f"{ED25519} mika, at home", HARDWARE, RSA]) == (ED25519, RSA)


def test_a_key_that_an_admin_has_twice_is_one_recipient() -> None:
    assert admin_recipients([f"{ED25519} laptop", f"{ED25519} desk"]) == (ED25519,)


def test_a_recipient_is_written_as_bip_173_says() -> None:
    data = bytes.fromhex("00443214c74254b635cf84653a56d7c675be77df")

    assert encoded("abcdef", data) == "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"


def test_what_bip_173_writes_is_read_back() -> None:
    data = bytes.fromhex("00443214c74254b635cf84653a56d7c675be77df")

    assert decoded("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw") == ("abcdef", data)
    assert [decoded(encoded("age", data[:size])) for size in range(20)] == [("age", data[:size]) for size in range(20)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abcdef1",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxv",  # the last letter
        "abcdeg1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",  # the prefix
        "abcdef1pqzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",  # two letters changed places
        "abcdef1bpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",  # no letter of it
        "1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
    ],
)
def test_what_is_mistyped_is_not_read(text: str) -> None:
    assert decoded(text) is None


@needs_age
@pytest.mark.parametrize("number", range(4))
def test_age_opens_with_a_converted_host_key_what_was_encrypted_for_its_public_half(
    tmp_path: Path, number: int
) -> None:
    key = make_key(tmp_path / f"host-{number}")
    recipient = host_recipient(public(key))
    (tmp_path / "identity").write_text(identity_of_host(key))
    encrypted, opened = tmp_path / "encrypted", ["age", "--decrypt", "--identity", str(tmp_path / "identity")]

    subprocess.run(["age", "--recipient", str(recipient), "--output", str(encrypted)], input=b"a secret", check=True)

    assert subprocess.check_output([*opened, str(encrypted)]) == b"a secret"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        RSA,
        HARDWARE,
        "ssh-ed25519 nonsense!",
        ED25519[:-4],
        f"dl1 {ED25519}",
        with_y(2),  # there is no such point
        with_y(1),  # the neutral point, which has no place on Curve25519
        with_y(2**255 - 19 + 3),  # another way to write 3
    ],
)
def test_what_is_no_ed25519_public_key_is_no_host_key(line: str) -> None:
    assert host_recipient(line) is None


def test_a_host_key_is_read_with_or_without_a_comment() -> None:
    assert host_recipient(with_y(3)) == host_recipient(f"{with_y(3)} root@dl1") == host_recipient(f" {with_y(3)}\n")


def test_a_secret_is_for_every_admin_and_the_machines_that_read_it_as_far_as_their_keys_are_known() -> None:
    readers = Readers({"mika": ("ssh-ed25519 A",), "noa": ("ssh-rsa B",)}, {"dl1": "age1dl1", "dl3": "age1dl3"})

    assert readers.called_for(TOKEN) == {"ssh-ed25519 A": "mika", "ssh-rsa B": "noa", "age1dl1": "dl1"}


def test_machines_that_share_a_host_key_can_both_read() -> None:
    readers = Readers({}, {"dl1": "age1same", "dl2": "age1same"})

    assert readers.names_of("age1same") == ["dl1", "dl2"]
    assert readers.has_key("dl2", ["age1same"])


def test_a_stranger_is_called_by_the_key_itself_shortened() -> None:
    assert Readers({}, {}).names_of("age1yt3tfqlfrwdwx0z0ynwplcr6qxcxfaqycuprpmy89nr83ltx74tqdpszlw") == [
        "age1yt3tfqlfrwdwx0z0ynwp…"
    ]
