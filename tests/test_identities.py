"""Where keys are found, and which recipients they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyhomelab.secrets.identities import identities
from tests.secret_keys import make_key, public

if TYPE_CHECKING:
    from pathlib import Path

YUBIKEY = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"
PLUGIN = f"""\
#       Serial: 12345678, Slot: 1
#    Recipient: {YUBIKEY}
AGE-PLUGIN-YUBIKEY-1CANARY
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "SOPS_AGE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def found(own_key: Path) -> dict[str, tuple[str, ...]]:
    """The recipients by the file of their keys."""
    return {str(identity.file): identity.recipients for identity in identities(own_key)}


def test_who_has_no_key_has_none(home: Path) -> None:
    assert found(home / "none") == {}


def test_a_hardware_key_is_known_by_what_its_plugin_wrote_above_it(home: Path) -> None:
    file = home / ".config/sops/age/keys.txt"
    file.parent.mkdir(parents=True)
    file.write_text(PLUGIN)

    assert found(home / "none") == {str(file): (YUBIKEY,)}


def test_files_that_the_environment_names_come_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, stated = make_key(home / ".ssh/id_ed25519"), make_key(home / "elsewhere")
    (home / "age").write_text(PLUGIN)
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(home / "age"))
    monkeypatch.setenv("SOPS_AGE_SSH_PRIVATE_KEY_FILE", str(stated))

    assert list(found(make_key(home / "own")).items()) == [
        (str(home / "age"), (YUBIKEY,)),
        (str(stated), (" ".join(public(stated).split()[:2]),)),
        (str(usual), (" ".join(public(usual).split()[:2]),)),
    ]


def test_the_key_that_was_made_for_the_lab_is_found_where_no_other_is_named(home: Path) -> None:
    own = make_key(home / "own")

    assert found(own) == {str(own): (" ".join(public(own).split()[:2]),)}


def test_an_ssh_key_without_its_public_half_or_of_another_type_is_no_recipient(home: Path) -> None:
    make_key(home / ".ssh/id_ed25519").with_suffix(".pub").unlink()
    (home / ".ssh/id_rsa").touch()
    (home / ".ssh/id_rsa.pub").write_text("ecdsa-sha2-nistp256 AAAA mika\n")

    assert found(home / "none") == {}
