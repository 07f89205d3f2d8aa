from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.flakes import (
    INPUTS,
    copy_of_the_repository,
    needs_nix,
    nix,
    stand_ins,
    value,
    write_machine,
)
from tests.modules.harness import evaluate, failed_assertions, needs_nixpkgs_lib
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.nix, needs_nix]

CONCERNS = ["base", "drbd", "k3s", "kubeadm", "kvm", "network", "secrets", "systemDisk", "vip", "zfs"]
SYSTEMS = ["aarch64-linux", "x86_64-linux"]


class Flake:
    """A copy of the repository whose inputs are stand-ins."""

    def __init__(self, directory: Path) -> None:
        (directory / "repository").mkdir()
        self.path = copy_of_the_repository(directory / "repository")
        self.overrides = stand_ins(directory)

    def value(self, attribute: str, apply: str = "value: value") -> Any:
        """What `apply` makes of an attribute."""
        return value(f"path:{self.path}#{attribute}", *self.overrides, "--apply", apply)

    def names(self, attribute: str) -> list[str]:
        """The names of an attribute's own attributes."""
        names: list[str] = self.value(attribute, "builtins.attrNames")
        return names


@pytest.fixture
def flake(tmp_path: Path) -> Flake:
    return Flake(tmp_path)


def lock() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "flake.lock").read_text())
    return content


def test_every_output_evaluates_and_has_the_type_that_nix_wants(flake: Flake) -> None:
    nix("flake", "check", "--no-build", "--all-systems", *flake.overrides, f"path:{flake.path}")


def test_the_outputs_are_those_that_the_documentation_names(flake: Flake) -> None:
    shown = json.loads(nix("flake", "show", "--json", "--all-systems", *flake.overrides, f"path:{flake.path}"))
    shown = shown.get("inventory", shown)
    assert sorted(shown) == [
        "apps",
        "checks",
        "devShells",
        "formatter",
        "nixosConfigurations",
        "nixosModules",
        "packages",
        "templates",
    ]


@pytest.mark.parametrize("output", ["apps", "checks", "devShells", "formatter", "packages"])
def test_both_architectures_of_linux_are_served(flake: Flake, output: str) -> None:
    assert flake.names(output) == SYSTEMS


@pytest.mark.parametrize("output", ["apps", "devShells", "packages"])
def test_what_is_run_or_built_is_the_default(flake: Flake, output: str) -> None:
    assert flake.names(f"{output}.x86_64-linux") == ["default"]


def test_the_app_is_the_program(flake: Flake) -> None:
    program = flake.value("apps.x86_64-linux.default", "app: app.program")
    assert program.endswith("-pyhomelab-0.1.0/bin/pyhomelab")


def test_every_concern_is_a_module_of_its_own(flake: Flake) -> None:
    assert flake.names("nixosModules") == sorted([*CONCERNS, "default"])


def test_every_file_of_the_modules_belongs_to_a_concern() -> None:
    found = {path.stem.replace("system-disk", "systemDisk") for path in (ROOT / "nix/modules").iterdir()}
    assert sorted(found) == sorted([*CONCERNS, "default"])


def test_a_concern_brings_the_modules_whose_options_it_sets(flake: Flake) -> None:
    brought = flake.value("nixosModules", "builtins.mapAttrs (_: one: map baseNameOf one.imports)")
    for concern in CONCERNS:
        text = _text_of(ROOT / "nix/modules" / concern.replace("systemDisk", "system-disk"))
        assert ("disko.nix" in brought[concern]) == bool(re.search(r"\bdisko\.", text)), concern
        assert ("sops.nix" in brought[concern]) == bool(re.search(r"\bsops\.", text)), concern


def _text_of(module: Path, seen: frozenset[Path] = frozenset()) -> str:
    """The text of a module and of all that it imports, without comments."""
    file = next(path for path in (module.with_suffix(".nix"), module / "default.nix") if path.is_file())
    if file in seen:
        return ""
    text = re.sub(r"#.*", "", file.read_text())
    imported = re.findall(r"(?<![\w.])\.{1,2}/[\w./-]+", text)
    places = [(file.parent / path).resolve() for path in imported]
    nix_files = [place for place in places if place.is_dir() or place.with_suffix(".nix").is_file()]
    return text + "".join(_text_of(place, seen | {file}) for place in nix_files)


def test_a_module_can_be_taken_with_all_the_others_too(flake: Flake) -> None:
    imports = flake.value("nixosModules.default", "one: map baseNameOf one.imports")
    assert imports == ["modules", "disko.nix", "sops.nix"]


def test_every_directory_of_a_machine_is_a_system_and_no_other_is(flake: Flake) -> None:
    assert flake.names("nixosConfigurations") == ["nas", "router"]


def test_a_machine_gets_the_modules_its_own_files_and_what_they_need(flake: Flake) -> None:
    modules = flake.value("nixosConfigurations.nas", "one: map baseNameOf one.modules")
    assert modules == ["modules", "disko.nix", "sops.nix", "nas"]


def test_a_lab_without_secrets_evaluates_by_a_module_of_its_own(flake: Flake) -> None:
    shutil.rmtree(flake.path / "hosts/secrets")
    modules = flake.value("nixosConfigurations.nas", "one: map baseNameOf one.modules")
    assert modules == ["modules", "disko.nix", "sops.nix", "nas", "without-secrets.nix"]


def test_a_repository_without_machines_still_has_a_flake(flake: Flake) -> None:
    shutil.rmtree(flake.path / "hosts")
    assert flake.names("nixosConfigurations") == []
    assert flake.names("checks.x86_64-linux") == ["formatting", "options-doc", "tests"]


def test_every_machine_of_the_lab_and_of_the_examples_has_a_check(flake: Flake) -> None:
    assert flake.names("checks.x86_64-linux") == [
        "example-one-pi",
        "formatting",
        "lab-nas",
        "lab-router",
        "options-doc",
        "tests",
    ]


def test_a_machine_that_does_not_evaluate_fails_its_own_check_alone(flake: Flake) -> None:
    system = flake.path.parent / "nixpkgs/flake.nix"
    broken = 'if baseNameOf (lib.last modules) == "broken" then throw "it is broken" else self.legacy'
    system.write_text(system.read_text().replace("self.legacy", broken, 1))
    write_machine(flake.path, "broken")
    assert "lab-broken" in flake.names("checks.x86_64-linux")
    assert flake.value("checks.x86_64-linux.lab-nas", "check: check.name") == "lab-nas"
    with pytest.raises(AssertionError, match="it is broken"):
        flake.value("checks.x86_64-linux.lab-broken", "check: check.name")


def test_the_template_is_the_frame_of_a_lab(flake: Flake) -> None:
    lab = flake.path.parent / "lab"
    nix("flake", "new", "--template", f"path:{flake.path}", str(lab))
    assert sorted(path.name for path in lab.iterdir()) == [".gitignore", "README.md", "flake.nix"]


def test_nix_finds_the_lock_file_complete(tmp_path: Path) -> None:
    repository = copy_of_the_repository(tmp_path)
    seen = json.loads(nix("flake", "metadata", "--json", "--no-update-lock-file", f"path:{repository}"))
    assert seen["locks"] == lock()


def test_nix_writes_the_lock_file_as_it_is_to_the_byte(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    repository = copy_of_the_repository(tmp_path / "repository")
    nix("flake", "lock", "--output-lock-file", str(tmp_path / "written.lock"), f"path:{repository}")
    assert (tmp_path / "written.lock").read_bytes() == (ROOT / "flake.lock").read_bytes()


def test_the_inputs_are_pinned_to_a_commit_and_its_content() -> None:
    nodes = lock()["nodes"]
    assert sorted(nodes) == sorted([*INPUTS, "root"])
    for name in INPUTS:
        locked = nodes[name]["locked"]
        assert re.fullmatch(r"[0-9a-f]{40}", locked["rev"])
        assert re.fullmatch(r"sha256-[A-Za-z0-9+/]{43}=", locked["narHash"])


def test_there_is_one_nixpkgs_and_it_is_the_stable_release() -> None:
    nodes = lock()["nodes"]
    assert nodes["nixpkgs"]["original"]["ref"] == "nixos-26.05"
    assert {name: nodes[name].get("inputs") for name in INPUTS} == {
        "disko": {"nixpkgs": ["nixpkgs"]},
        "nixpkgs": None,
        "sops-nix": {"nixpkgs": ["nixpkgs"]},
    }


def test_a_new_lab_has_the_inputs_that_this_flake_has(tmp_path: Path) -> None:
    shutil.copy(ROOT / "flake.lock", tmp_path)
    shutil.copy(ROOT / "pyhomelab/skeleton/flake.nix", tmp_path)
    seen = json.loads(nix("flake", "metadata", "--json", "--no-update-lock-file", f"path:{tmp_path}"))
    assert seen["locks"] == lock()


MACHINE = """
{{ lib, ... }}:
{{
  imports = [ {without} ];
  networking.hostName = "nas";
  homelab.secrets.directory = ./secrets;
  homelab.secrets.needed.token.usedFor = "joining the cluster";
  assertions = [ {{ assertion = false; message = "homelab.zfs on nas: no pool"; }} ];
}}
"""


@needs_nixpkgs_lib
def test_a_machine_evaluates_before_its_secrets_were_made() -> None:
    module = MACHINE.format(without=ROOT / "nix/without-secrets.nix")
    assert failed_assertions(module) == ["homelab.zfs on nas: no pool"]
    file = evaluate(module, "baseNameOf config.sops.secrets.token.sopsFile")
    assert file == "without-secrets.yaml"


@needs_nixpkgs_lib
def test_without_that_module_the_missing_secret_is_named() -> None:
    module = MACHINE.format(without="")
    refused = failed_assertions(module)
    assert any(message.startswith("homelab.secrets on nas: ") for message in refused)
    assert "homelab.zfs on nas: no pool" in refused
