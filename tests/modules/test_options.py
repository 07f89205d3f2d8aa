"""The harness itself: it finds what NixOS would refuse and lets through what NixOS takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.modules.harness import (
    NIX,
    EvaluationError,
    evaluate,
    evaluate_host,
    evaluate_many,
    failed_assertions,
    needs_nixpkgs_lib,
    script,
    values_set,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_nixpkgs_lib


def test_an_unknown_option_is_named_with_its_neighbours() -> None:
    with pytest.raises(EvaluationError) as refused:
        evaluate("{ networking.firewal.enable = true; }", "config.networking.hostName", lab=None)
    assert str(refused.value).startswith("error: The option `networking.firewal' does not exist.")
    assert "Did you mean `networking.firewall'" in str(refused.value)


def test_an_unknown_option_inside_a_unit_is_named() -> None:
    with pytest.raises(EvaluationError, match=r"The option `systemd\.services\.x\.wantedby' does not exist"):
        evaluate('{ systemd.services.x.wantedby = [ "a.target" ]; }', "config.systemd.services.x.enable", lab=None)


def test_a_removed_option_is_unknown() -> None:
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
        (
            "{ systemd.network.netdevs.x.netdevConfig.Name = { }; }",
            "systemd.network.netdevs.x.netdevConfig.Name",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_found_without_asking_for_it(module: str, option: str) -> None:
    with pytest.raises(EvaluationError) as refused:
        values_set(module, lab=None)
    assert str(refused.value).startswith("error: A definition for option `")
    assert option in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "near"),
    [
        ("services.x.serviceConfig.ExecStrat", "ExecStart"),
        ("services.x.unitConfig.RequiresMountFor", "RequiresMountsFor"),
        ("network.networks.lan.networkConfig.LinkLocalAdressing", "LinkLocalAddressing"),
        ("network.links.lan.linkConfig.MacAddress", "MACAddress"),
    ],
)
def test_a_key_that_systemd_does_not_know_is_found(setting: str, near: str) -> None:
    with pytest.raises(EvaluationError) as refused:
        values_set(f'{{ systemd.{setting} = "yes"; }}', lab=None)
    assert str(refused.value).startswith(f"error: The option `systemd.{setting}' does not exist")
    assert near in str(refused.value)


def test_a_key_for_others_than_systemd_is_let_through() -> None:
    module = "{ systemd.services.x.unitConfig.X-StopOnRemoval = false; }"
    assert values_set(module, lab=None) == ["systemd.services"]


def test_a_package_that_is_not_in_the_list_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="attribute 'drdb' missing"):
        values_set("{ pkgs, ... }: { environment.systemPackages = [ pkgs.drdb ]; }", lab=None)


def test_two_different_values_for_one_option_conflict() -> None:
    module = '{ imports = [ { time.timeZone = "UTC"; } { time.timeZone = "Asia/Tokyo"; } ]; }'
    with pytest.raises(EvaluationError, match=r"The option `time\.timeZone' has conflicting definition values"):
        evaluate(module, "config.time.timeZone", lab=None)


def test_a_file_system_needs_its_type_since_26_05() -> None:
    with pytest.raises(EvaluationError, match=r'`fileSystems\."/"\.fsType\' was accessed but has no value'):
        evaluate('{ fileSystems."/".device = "/dev/vda"; }', 'config.fileSystems."/".fsType', lab=None)


def test_a_unit_is_merged_and_its_text_can_be_read() -> None:
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
        "ExecStart=/a",
        "ExecStart=/b",
        "RemainAfterExit=true",
        "Type=oneshot",
    ]
    assert 'Environment="LANG=C"' in lines
    assert any("-rsync/bin:" in line for line in lines)


def test_the_script_of_a_unit_can_be_read_through_its_path() -> None:
    module = """{ pkgs, ... }: {
      systemd.services.hello.serviceConfig.ExecStart = "${pkgs.writeShellScript "hello" "echo hello"} now";
    }"""
    assert script(evaluate(module, "config.systemd.services.hello.serviceConfig.ExecStart", lab=None)).endswith(
        "\necho hello"
    )


def test_an_application_gets_its_inputs_on_its_path() -> None:
    module = """{ pkgs, lib, ... }: {
      systemd.services.hello.serviceConfig.ExecStart = lib.getExe (
        pkgs.writeShellApplication { name = "hello"; runtimeInputs = [ pkgs.jq ]; text = "jq ."; }
      );
    }"""
    start = evaluate(module, "config.systemd.services.hello.serviceConfig.ExecStart", lab=None)
    assert start.endswith("-hello/bin/hello")
    assert '-jq/bin:$PATH"\njq .' in script(start)


def test_a_timer_of_a_service_becomes_a_unit() -> None:
    units = evaluate('{ systemd.services.x.startAt = "daily"; }', "lib.attrNames config.systemd.units", lab=None)
    assert units == ["x.service", "x.timer"]


def test_text_in_etc_becomes_a_file() -> None:
    module = """{
      imports = [ { environment.etc."a/b".text = "two"; } ];
      environment.etc."a/b".text = "one";
    }"""
    assert script(evaluate(module, 'config.environment.etc."a/b".source', lab=None)) == "one\ntwo"


def test_file_systems_are_counted_however_they_are_named() -> None:
    listed = '{ boot.supportedFilesystems = [ "zfs" ]; }'
    assert evaluate(listed, "config.boot.zfs.enabled", lab=None) is True
    assert evaluate("{ boot.supportedFilesystems.zfs = true; }", "config.boot.zfs.enabled", lab=None) is True
    assert evaluate("{ }", "config.boot.zfs.enabled", lab=None) is False


def test_the_kernel_decides_which_drbd_module_is_built() -> None:
    module = """{ config, pkgs, ... }: {
      boot.kernelPackages = pkgs.linuxPackages_6_12;
      boot.extraModulePackages = [ config.boot.kernelPackages.drbd ];
    }"""
    assert evaluate(module, "(lib.head config.boot.extraModulePackages).name", lab=None) == "drbd-6.12.60"


def test_the_value_of_a_secret_is_named_but_never_read() -> None:
    module = """{ config, ... }: {
      services.openssh.enable = true;
      sops.secrets.token = { sopsFile = /nowhere/token.yaml; key = "value"; };
      sops.templates.conf.content = "token ${config.sops.placeholder.token}";
    }"""
    file, template, content = evaluate(
        module,
        "with config.sops; [ secrets.token.path templates.conf.path templates.conf.content ]",
        lab=None,
    )
    assert file == "/run/secrets/token"
    assert template == "/run/secrets/rendered/conf"
    assert content.startswith("token <SOPS:")


def test_assertions_that_do_not_hold_are_told_apart() -> None:
    module = """{ assertions = [
      { assertion = true; message = "holds"; }
      { assertion = false; message = "does not hold"; }
    ]; }"""
    assert failed_assertions(module, lab=None) == ["does not hold"]


def test_several_machines_are_evaluated_in_one_go() -> None:
    modules = {name: f'{{ networking.hostName = "{name}"; }}' for name in ("dl1", "dl2")}
    assert evaluate_many(modules, "config.networking.fqdn", lab=None) == {"dl1": "dl1", "dl2": "dl2"}


def test_only_values_that_somebody_set_are_listed() -> None:
    module = """{ lib, ... }: {
      networking.nftables.enable = lib.mkDefault true;
      systemd.services = lib.mkIf false { x = 1; };
    }"""
    assert values_set(module, lab=None) == ["networking.nftables.enable"]


def test_a_host_directory_brings_its_neighbours_along(tmp_path: Path) -> None:
    (tmp_path / "dl1").mkdir()
    (tmp_path / "lab.nix").write_text('{ networking.domain = "home.arpa"; }')
    (tmp_path / "dl1" / "default.nix").write_text('{ imports = [ ../lab.nix ]; networking.hostName = "dl1"; }')
    assert evaluate_host(tmp_path / "dl1", "config.networking.fqdn") == "dl1.home.arpa"


def test_every_option_has_a_type_down_to_its_last_suboption() -> None:
    select = """lib.length (
      map (option: builtins.deepSeq [ option.type.name (option.type.getSubOptions [ ] ? x) ] option) (
        lib.collect lib.isOption (removeAttrs options [ "_module" ])
      )
    )"""
    assert evaluate("{ }", select, lab=None) > 10000


def test_the_modules_of_the_lab_set_nothing_while_all_is_off() -> None:
    assert values_set("{ }") == []


def test_every_option_of_the_lab_is_described_and_shows_an_example() -> None:
    assert evaluate("{ }", f"import {NIX}/described.nix {{ inherit lib options; }}") == []
