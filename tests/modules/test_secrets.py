from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import EvaluationError, evaluate, failed_assertions, needs_nixpkgs_lib

pytestmark = needs_nixpkgs_lib

SECRETS = Path(__file__).parents[2] / "nix/modules/secrets.nix"
USE = "joining the k3s cluster home"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    directory = tmp_path / "secrets"
    directory.mkdir()
    (directory / "k3s-home-token.yaml").write_text("value: ENC[...]\n")
    return directory


def machine(body: str) -> str:
    return f'{{ networking.hostName = "dl1"; homelab.secrets = {{ {body} }}; }}'


def token(directory: Path, more: str = "") -> str:
    return machine(f'directory = {directory}; needed.k3s-home-token = {{ usedFor = "{USE}"; {more} }};')


def secret(module: str) -> dict[str, Any]:
    found: dict[str, Any] = evaluate(
        module,
        """
        { inherit (config.sops.secrets.k3s-home-token) path key owner group mode restartUnits reloadUnits;
          file = toString config.sops.secrets.k3s-home-token.sopsFile; }
    """,
    )
    return found


def test_a_needed_secret_is_the_value_in_a_file_of_its_name(secrets: Path) -> None:
    assert secret(token(secrets)) == {
        "path": "/run/secrets/k3s-home-token",
        "file": str(secrets / "k3s-home-token.yaml"),
        "key": "value",
        "owner": "root",
        "group": "root",
        "mode": "0400",
        "restartUnits": [],
        "reloadUnits": [],
    }


def test_a_secret_can_belong_to_a_user_and_restart_who_reads_it(secrets: Path) -> None:
    found = secret(
        token(
            secrets,
            """
        owner = "syncoid"; group = "backup"; mode = "0440";
        restartUnits = [ "a.service" ]; reloadUnits = [ "b.service" ];
    """,
        )
    )

    assert (found["owner"], found["group"], found["mode"]) == ("syncoid", "backup", "0440")
    assert (found["restartUnits"], found["reloadUnits"]) == (["a.service"], ["b.service"])


def test_secrets_are_decrypted_with_the_host_key_and_nothing_else(secrets: Path) -> None:
    keys = "{ inherit (config.sops.age) sshKeyPaths; gnupg = config.sops.gnupg.sshKeyPaths; }"

    assert evaluate(token(secrets), keys) == {"sshKeyPaths": ["/etc/ssh/ssh_host_ed25519_key"], "gnupg": []}


def test_a_secret_whose_file_is_there_is_no_mistake(secrets: Path) -> None:
    assert failed_assertions(token(secrets)) == []


def test_a_missing_file_says_what_it_is_for_and_how_to_make_it(secrets: Path) -> None:
    module = machine(f'directory = {secrets}; needed.drbd-vmstore.usedFor = "the DRBD volume vmstore";')

    assert failed_assertions(module) == [
        (
            "homelab.secrets on dl1: secrets/drbd-vmstore.yaml is missing (the DRBD volume vmstore); "
            "make it with `pyhomelab secret generate drbd-vmstore` and `git add` it, "
            "for a flake sees only what git knows"
        ),
    ]


def test_a_missing_file_does_not_hide_the_path_that_other_modules_ask_for(secrets: Path) -> None:
    module = machine(f'directory = {secrets}; needed.drbd-vmstore.usedFor = "the DRBD volume vmstore";')

    assert evaluate(module, "config.sops.secrets.drbd-vmstore.path") == "/run/secrets/drbd-vmstore"


def test_needed_secrets_without_a_directory_are_refused() -> None:
    module = machine('needed = { b.usedFor = "b"; a.usedFor = "a"; };')

    assert failed_assertions(module) == [
        (
            "homelab.secrets on dl1: secrets are needed (a, b) but directory is not set; "
            "point homelab.secrets.directory to where their files are"
        ),
    ]


def test_a_machine_that_needs_no_secret_sets_nothing_of_sops() -> None:
    assert evaluate(machine(""), "{ inherit (config.sops) secrets; inherit (config.sops.age) keyFile; }") == {
        "secrets": {},
        "keyFile": None,
    }


def alone(needed: str) -> Any:
    """Assertions of secrets.nix in a system that has no sops-nix."""
    return evaluate(
        "{ }",
        f"""
        map (a: a.message) (lib.filter (a: !a.assertion) (lib.evalModules {{
          modules = [
            {SECRETS}
            {{
              options = {{
                assertions = lib.mkOption {{ type = lib.types.listOf lib.types.raw; default = [ ]; }};
                networking.hostName = lib.mkOption {{ default = "dl1"; }};
              }};
              config.homelab.secrets = {{ directory = /tmp; needed = {{ {needed} }}; }};
            }}
          ];
        }}).config.assertions)
    """,
    )


def test_without_sops_nix_a_machine_that_needs_no_secret_still_evaluates() -> None:
    assert alone("") == []


def test_without_sops_nix_a_needed_secret_is_refused() -> None:
    assert alone('nothing-of-this-name.usedFor = "a test";')[0] == (
        "homelab.secrets on dl1: secrets are needed (nothing-of-this-name) but sops-nix is not there "
        "to decrypt them; import its module, sops-nix.nixosModules.sops"
    )


@pytest.mark.parametrize("mode", ["400", "0640"])
def test_a_mode_is_octal_digits(secrets: Path, mode: str) -> None:
    assert secret(token(secrets, f'mode = "{mode}";'))["mode"] == mode


@pytest.mark.parametrize("mode", ["0888", "u=r"])
def test_a_mode_of_other_letters_is_refused(secrets: Path, mode: str) -> None:
    with pytest.raises(EvaluationError, match=r"needed\.k3s-home-token\.mode"):
        secret(token(secrets, f'mode = "{mode}";'))


def test_a_secret_of_the_owner_is_needed_and_set_by_hand(secrets: Path) -> None:
    module = machine(f'directory = {secrets}; own.backup = {{ usedFor = "the backups"; owner = "restic"; }};')

    assert evaluate(module, "{ inherit (config.sops.secrets.backup) path owner mode; }") == {
        "path": "/run/secrets/backup",
        "owner": "restic",
        "mode": "0400",
    }
    assert failed_assertions(module) == [
        (
            "homelab.secrets on dl1: secrets/backup.yaml is missing (the backups); "
            "make it with `pyhomelab secret set backup` and `git add` it, "
            "for a flake sees only what git knows"
        ),
    ]
