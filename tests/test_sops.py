from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pyhomelab.process import CommandFailed, ToolMissing
from pyhomelab.secrets.recipients import host_recipient
from pyhomelab.secrets.sops import encrypt, recipients_of
from tests.secret_keys import make_key, needs_sops, opened, path_with_sops, public

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_sops

PLAIN = 'canary-9f2c7d\nwith: a second line # and "quotes"\n'


@pytest.fixture(autouse=True)
def sops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("SOPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", path_with_sops())
    monkeypatch.chdir(tmp_path)


def ssh_recipient(key: Path) -> str:
    return " ".join(public(key).split()[:2])


def age_recipient(key: Path) -> str:
    return str(host_recipient(public(key)))


def write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def stand_in(directory: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a `sops` on PATH that does something else."""
    directory.mkdir()
    write(directory / "sops", f"#!/bin/sh\n{script}\n").chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")


def test_every_reader_opens_a_secret_with_its_own_key_to_the_last_line_break(tmp_path: Path) -> None:
    mika, noa, host = make_key(tmp_path / "mika"), make_key(tmp_path / "noa", "rsa"), make_key(tmp_path / "host")

    text = encrypt("a-secret", PLAIN, [ssh_recipient(mika), ssh_recipient(noa), age_recipient(host)])
    file = write(tmp_path / "a.yaml", text)

    assert opened(file, admin=mika) == opened(file, admin=noa) == opened(file, host=host) == PLAIN
    assert "canary" not in text


def test_nobody_else_opens_it(tmp_path: Path) -> None:
    mika, noa, host = make_key(tmp_path / "mika"), make_key(tmp_path / "noa"), make_key(tmp_path / "host")

    file = write(tmp_path / "a.yaml", encrypt("a-secret", PLAIN, [ssh_recipient(mika)]))

    assert opened(file, admin=noa) is None
    assert opened(file, host=host) is None


def test_a_secret_for_a_host_key_itself_would_not_be_opened_by_sops_nix(tmp_path: Path) -> None:
    host = make_key(tmp_path / "host")

    file = write(tmp_path / "a.yaml", encrypt("a-secret", PLAIN, [ssh_recipient(host)]))

    assert opened(file, host=host) is None


def test_the_readers_of_a_secret_can_be_read_from_its_file(tmp_path: Path) -> None:
    readers = [ssh_recipient(make_key(tmp_path / "mika")), age_recipient(make_key(tmp_path / "host"))]

    assert recipients_of(encrypt("a-secret", PLAIN, readers)) == readers


def test_a_configuration_of_sops_does_not_leave_the_value_as_it_is(tmp_path: Path) -> None:
    mika = ssh_recipient(make_key(tmp_path / "mika"))
    rule = f"creation_rules:\n  - path_regex: .*\n    unencrypted_regex: ^value$\n    age: {mika}\n"
    write(tmp_path / ".sops.yaml", rule)

    assert "canary" not in encrypt("a-secret", PLAIN, [mika])


def test_recipients_in_the_environment_are_not_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mika, other = ssh_recipient(make_key(tmp_path / "mika")), age_recipient(make_key(tmp_path / "other"))
    monkeypatch.setenv("SOPS_AGE_RECIPIENTS", other)

    assert recipients_of(encrypt("a-secret", PLAIN, [mika])) == [mika]


@pytest.mark.parametrize(
    "script",
    [
        "cat",  # leaves the value as it is
        "sed 's/.*/value: ENC[x]\\nsops: {age: []}/;q'",  # for nobody
        "sed 's/.*/value: ENC[x]\\nsops: {age: [{recipient: age1other}]}/;q'",  # for somebody else
        "sed 's/.*/value: ENC[x]\\nsops: {age: [{recipient: age1a}], pgp: [{fp: A}]}/;q'",  # for one too many
        "sed 's/.*/value: open\\nsops: {age: [{recipient: age1a}]}/;q'",
    ],
)
def test_what_is_not_encrypted_for_exactly_its_readers_is_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    stand_in(tmp_path / "bin", monkeypatch, script)

    with pytest.raises(CommandFailed) as failure:
        encrypt("a-secret", PLAIN, ["age1a"])

    assert str(failure.value) == (
        "sops did not encrypt a-secret for exactly those who are to read it; nothing was written; "
        "unset the environment variables that begin with SOPS_"
    )


def test_what_is_encrypted_for_exactly_its_readers_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "sed 's/.*/value: ENC[x]\\nsops: {age: [{recipient: age1a}]}/;q'")

    assert encrypt("a-secret", PLAIN, ["age1a"]).splitlines() == [
        "value: ENC[x]", "sops: {age: [{recipient: age1a}]}"
    ]  # fmt: skip


def test_a_key_that_sops_refuses_is_named_and_the_secret_is_not(tmp_path: Path) -> None:
    key = ssh_recipient(make_key(tmp_path / "mika"))

    with pytest.raises(CommandFailed) as failure:
        encrypt("a-secret", PLAIN, [f"{key}="])

    assert str(failure.value).startswith(
        "encrypting a-secret with sops (3.10 or newer) failed (exit 1)\nfailed to parse input as age-ssh public key"
    )
    assert "canary" not in str(failure.value)


def test_for_a_hardware_key_the_plugin_of_age_is_asked_for(tmp_path: Path) -> None:
    mika = ssh_recipient(make_key(tmp_path / "mika"))
    yubikey = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"

    with pytest.raises(CommandFailed, match='exec: "age-plugin-yubikey": executable file not found'):
        encrypt("a-secret", PLAIN, [mika, yubikey])


def test_without_sops_the_message_says_what_it_is_for_and_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolMissing) as failure:
        encrypt("a-secret", PLAIN, ["age1a"])

    assert str(failure.value) == (
        "sops is not on PATH; it encrypts and opens secrets; `nix shell nixpkgs#sops` has it, "
        "and https://getsops.io does (3.10 or newer)"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\t",
        "- a list",
        "value: open\n",
        "value: ENC[x]\n",
        "value: ENC[x]\nsops: text\n",
        "value: open\nsops: {age: [{recipient: age1a}]}\n",
        "other: ENC[x]\nsops: {age: [{recipient: age1a}]}\n",
    ],
)
def test_a_file_without_an_encrypted_value_has_no_readers_but_everybody(text: str) -> None:
    assert recipients_of(text) is None


def test_keys_that_are_not_of_age_are_counted_among_the_readers() -> None:
    text = "value: ENC[x]\nsops:\n  age: [{recipient: age1a}, odd]\n  pgp: [{fp: A}]\n  kms: []\n  version: 3.11.0\n"

    assert recipients_of(text) == ["age1a", "age key", "pgp key"]
