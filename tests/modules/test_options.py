"""The harness itself: it finds what NixOS would refuse and lets through what NixOS takes."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.modules.harness import (
    NIX,
    ROOT,
    EvaluationError,
    evaluate,
    evaluate_host,
    evaluate_many,
    failed_assertions,
    needs_nixpkgs_lib,
    script,
    values_set,
)
from tests.modules.option_tree import table, unparsed
from tests.modules.option_types import UnknownTypeError, parse

if TYPE_CHECKING:
    from pathlib import Path

    from tests.modules.option_types import Type

# Types that only their own module can describe (PHP values, HOCON …). None is of an area that a lab uses.
UNPARSED_AT_MOST = 89


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("boolean", "bool"),
        ("null or (list of string)", ["null", ["list", "str"]]),
        ("null or string or path", ["null", ["either", "str", "path"]]),
        ("attribute set of (submodule)", ["attrs", "submodule"]),
        ("attribute set of list of string", ["attrs", ["list", "str"]]),
        ("attribute set", "attrs"),
        ('one of "a", "b" or list of string', ["either", ["enum", ["a", "b"]], ["list", "str"]]),
        ("one of 0, 1, <null>", ["enum", [0, 1, None]]),
        ('strings concatenated with "\\n"', ["separated", "\n"]),
        ("(list of path) or path convertible to it", ["either", ["list", "path"], "path"]),
        ("integer between -20 and 19 (both inclusive)", ["between", -20, 19]),
        ("list of string matching the pattern [a-z]+[.](service|timer)", ["list", ["matching", "[a-z]+[.](service|timer)"]]),
        ("non-empty (list of string)", ["nonEmptyList", "str"]),
        ("16 bit unsigned integer; between 0 and 65535 (both inclusive)", "port"),
        ("unsigned integer, meaning >=0", "unsigned"),
    ],
)
def test_a_type_is_read_out_of_its_description(description: str, expected: Type) -> None:
    assert parse(description) == expected


@pytest.mark.parametrize("description", ["HOCON value", "string or HOCON value", "(string", "string string"])
def test_a_description_of_a_foreign_type_is_not_guessed_at(description: str) -> None:
    with pytest.raises(UnknownTypeError):
        parse(description)


def test_the_options_that_accept_anything_do_not_grow_in_number() -> None:
    foreign = unparsed()
    assert len(foreign) <= UNPARSED_AT_MOST, "\n".join(f"{name}: {kind}" for name, kind in foreign.items())


def test_removed_options_are_gone_and_new_ones_there() -> None:
    names = table().keys()
    assert {"systemd.settings.Manager", "services.k3s.nodeName"} <= names
    assert not names & {"systemd.watchdog.runtimeTime", "services.openssh.banner", "boot.zfs.allowHibernation"}


def test_options_that_are_newer_than_the_pinned_release_are_unknown() -> None:
    assert "boot.loader.systemd-boot.bootCounting.enable" not in table()


@needs_nixpkgs_lib
class TestWhatNixosRefuses:
    """Each of these evaluates to nothing useful on a real machine either."""

    def test_an_unknown_option_is_named_with_its_neighbours(self) -> None:
        with pytest.raises(EvaluationError) as refused:
            evaluate("{ networking.firewal.enable = true; }", "config.networking.hostName", lab=None)
        assert str(refused.value).startswith("error: The option `networking.firewal' does not exist.")
        assert "Did you mean `networking.firewall'" in str(refused.value)

    def test_an_unknown_option_inside_a_unit_is_named(self) -> None:
        with pytest.raises(EvaluationError, match=r"The option `systemd\.services\.x\.wantedby' does not exist"):
            evaluate('{ systemd.services.x.wantedby = [ "a.target" ]; }', "config.systemd.services.x.enable", lab=None)

    def test_a_removed_option_is_unknown(self) -> None:
        with pytest.raises(EvaluationError, match=r"The option `systemd\.watchdog' does not exist"):
            evaluate('{ systemd.watchdog.runtimeTime = "30s"; }', "config.systemd.package", lab=None)

    @pytest.mark.parametrize(
        ("module", "option"),
        [
            ('{ networking.firewall.enable = "yes"; }', "networking.firewall.enable"),
            ("{ networking.firewall.allowedTCPPorts = [ 70000 ]; }", "networking.firewall.allowedTCPPorts"),
            ('{ networking.hostName = "not.a.label"; }', "networking.hostName"),
            ('{ systemd.services.x.wantedBy = [ "multi-user" ]; }', "systemd.services.x.wantedBy"),
            ("{ systemd.services.x.serviceConfig.Type = { }; }", "systemd.services.x.serviceConfig.Type"),
            ('{ environment.systemPackages = [ "htop" ]; }', "environment.systemPackages"),
            ('{ fileSystems."/" = { fsType = "ext4"; options = [ ]; }; }', 'fileSystems."/".options'),
            ("{ systemd.network.netdevs.x.netdevConfig.Name = { }; }", "systemd.network.netdevs.x.netdevConfig.Name"),
        ],
    )
    def test_a_value_of_the_wrong_type_is_found_without_asking_for_it(self, module: str, option: str) -> None:
        with pytest.raises(EvaluationError) as refused:
            values_set(module, lab=None)
        assert str(refused.value).startswith("error: A definition for option `")
        assert option in str(refused.value)

    def test_a_package_that_is_not_in_the_list_is_an_error(self) -> None:
        with pytest.raises(EvaluationError, match="attribute 'drdb' missing"):
            values_set("{ pkgs, ... }: { environment.systemPackages = [ pkgs.drdb ]; }", lab=None)

    def test_two_different_values_for_one_option_conflict(self) -> None:
        module = '{ imports = [ { time.timeZone = "UTC"; } { time.timeZone = "Asia/Tokyo"; } ]; }'
        with pytest.raises(EvaluationError, match=r"The option `time\.timeZone' has conflicting definition values"):
            evaluate(module, "config.time.timeZone", lab=None)

    def test_a_file_system_needs_its_type_since_26_05(self) -> None:
        with pytest.raises(EvaluationError, match=r'`fileSystems\."/"\.fsType\' was accessed but has no value'):
            evaluate('{ fileSystems."/".device = "/dev/vda"; }', 'config.fileSystems."/".fsType', lab=None)


@needs_nixpkgs_lib
class TestWhatNixosTakes:
    """Merging, defaults and computed values come out as they do there."""

    def test_a_unit_is_merged_and_its_text_can_be_read(self) -> None:
        module = """{ pkgs, ... }: {
          imports = [ { systemd.services.copy.after = [ "network.target" ]; } ];
          systemd.services.copy = {
            description = "Copy";
            after = [ "zfs.target" ];
            wantedBy = [ "multi-user.target" ];
            path = [ pkgs.rsync ];
            environment.LANG = "C";
            serviceConfig = { Type = "oneshot"; RemainAfterExit = true; ExecStart = [ "/a" "/b" ]; };
          };
        }"""
        unit = evaluate(module, 'config.systemd.units."copy.service"', lab=None)
        assert unit["wantedBy"] == ["multi-user.target"]
        lines = unit["text"].splitlines()
        assert lines[:3] == ["[Unit]", "After=zfs.target network.target", "Description=Copy"]
        assert [line for line in lines if line.startswith(("Exec", "Type", "Remain"))] == [
            "ExecStart=/a", "ExecStart=/b", "RemainAfterExit=true", "Type=oneshot",
        ]
        assert 'Environment="LANG=C"' in lines
        assert any("-rsync/bin:" in line for line in lines)

    def test_the_script_of_a_unit_can_be_read_through_its_path(self) -> None:
        module = """{ pkgs, ... }: {
          systemd.services.hello.serviceConfig.ExecStart = "${pkgs.writeShellScript "hello" "echo hello"} now";
        }"""
        assert script(evaluate(module, "config.systemd.services.hello.serviceConfig.ExecStart", lab=None)).endswith(
            "\necho hello"
        )

    def test_an_application_gets_its_inputs_on_its_path(self) -> None:
        module = """{ pkgs, lib, ... }: {
          systemd.services.hello.serviceConfig.ExecStart = lib.getExe (
            pkgs.writeShellApplication { name = "hello"; runtimeInputs = [ pkgs.jq ]; text = "jq ."; }
          );
        }"""
        start = evaluate(module, "config.systemd.services.hello.serviceConfig.ExecStart", lab=None)
        assert start.endswith("-hello/bin/hello")
        assert '-jq/bin:$PATH"\njq .' in script(start)

    def test_a_timer_of_a_service_becomes_a_unit(self) -> None:
        units = evaluate('{ systemd.services.x.startAt = "daily"; }', "lib.attrNames config.systemd.units", lab=None)
        assert units == ["x.service", "x.timer"]

    def test_text_in_etc_becomes_a_file(self) -> None:
        module = """{
          imports = [ { environment.etc."a/b".text = "two"; } ];
          environment.etc."a/b".text = "one";
        }"""
        assert script(evaluate(module, 'config.environment.etc."a/b".source', lab=None)) == "one\ntwo"

    def test_file_systems_are_counted_however_they_are_named(self) -> None:
        listed = '{ boot.supportedFilesystems = [ "zfs" ]; }'
        assert evaluate(listed, "config.boot.zfs.enabled", lab=None) is True
        assert evaluate("{ boot.supportedFilesystems.zfs = true; }", "config.boot.zfs.enabled", lab=None) is True
        assert evaluate("{ }", "config.boot.zfs.enabled", lab=None) is False

    def test_the_kernel_decides_which_drbd_module_is_built(self) -> None:
        module = """{ config, pkgs, ... }: {
          boot.kernelPackages = pkgs.linuxPackages_6_12;
          boot.extraModulePackages = [ config.boot.kernelPackages.drbd ];
        }"""
        assert evaluate(module, "(lib.head config.boot.extraModulePackages).name", lab=None) == "drbd-6.12.60"

    def test_the_value_of_a_secret_is_named_but_never_read(self) -> None:
        module = """{ config, ... }: {
          services.openssh.enable = true;
          sops.secrets.token = { sopsFile = /nowhere/token.yaml; key = "value"; };
          sops.templates.conf.content = "token ${config.sops.placeholder.token}";
        }"""
        secret, template, content = evaluate(
            module,
            "[ config.sops.secrets.token.path config.sops.templates.conf.path config.sops.templates.conf.content ]",
            lab=None,
        )
        assert secret == "/run/secrets/token"
        assert template == "/run/secrets/rendered/conf"
        assert content.startswith("token <SOPS:")

    def test_assertions_that_do_not_hold_are_told_apart(self) -> None:
        module = """{ assertions = [
          { assertion = true; message = "holds"; }
          { assertion = false; message = "does not hold"; }
        ]; }"""
        assert failed_assertions(module, lab=None) == ["does not hold"]

    def test_several_machines_are_evaluated_in_one_go(self) -> None:
        modules = {name: f'{{ networking.hostName = "{name}"; }}' for name in ("dl1", "dl2")}
        assert evaluate_many(modules, "config.networking.fqdn", lab=None) == {"dl1": "dl1", "dl2": "dl2"}

    def test_only_values_that_somebody_set_are_listed(self) -> None:
        module = "{ lib, ... }: { networking.nftables.enable = lib.mkDefault true; systemd.services = lib.mkIf false { x = 1; }; }"
        assert values_set(module, lab=None) == ["networking.nftables.enable"]

    def test_a_host_directory_brings_its_neighbours_along(self, tmp_path: Path) -> None:
        (tmp_path / "dl1").mkdir()
        (tmp_path / "lab.nix").write_text('{ networking.domain = "home.arpa"; }')
        (tmp_path / "dl1" / "default.nix").write_text('{ imports = [ ../lab.nix ]; networking.hostName = "dl1"; }')
        assert evaluate_host(tmp_path / "dl1", "config.networking.fqdn") == "dl1.home.arpa"


@needs_nixpkgs_lib
def test_the_modules_of_the_lab_set_nothing_while_all_is_off() -> None:
    assert values_set("{ }") == []


@needs_nixpkgs_lib
def test_every_option_of_the_lab_is_described_and_shows_an_example() -> None:
    assert evaluate("{ }", f"import {NIX}/described.nix {{ inherit lib options; }}") == []


def _nix_files() -> list[str]:
    if shutil.which("git") is None:
        pytest.skip("git is not on PATH: it lists the Nix files of the lab")
    listed = subprocess.run(["git", "ls-files", "*.nix"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


@pytest.mark.skipif(shutil.which("nix-instantiate") is None, reason="nix-instantiate is not on PATH")
def test_every_nix_file_parses() -> None:
    parsed = subprocess.run(
        ["nix-instantiate", "--parse", *_nix_files()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert parsed.returncode == 0, parsed.stderr


@pytest.mark.skipif(shutil.which("nixfmt") is None, reason="nixfmt is not on PATH")
def test_every_nix_file_is_formatted() -> None:
    formatted = subprocess.run(
        ["nixfmt", "--check", *_nix_files()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert formatted.returncode == 0, formatted.stdout + formatted.stderr
