from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.harness import (
    EvaluationError,
    evaluate,
    evaluate_many,
    failed_assertions,
    needs_nixpkgs_lib,
)
from tests.modules.programs import apart, needs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_nixpkgs_lib

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3WzO0l0hW0c1b0t1u0v1w0x1y0z1A0B1C0D1E0F1G0 mika"


def machine(body: str = "", more: str = "") -> str:
    return f"""
        {{ config, lib, pkgs, ... }}: {{
          networking.hostName = "dl1";
          homelab.base = {{ enable = true; admins.mika.sshKeys = lib.mkDefault [ "{KEY}" ]; {body} }};
          {more}
        }}
    """


def ask(select: str, body: str = "", more: str = "") -> Any:
    return evaluate(machine(body, more), select)


def test_nothing_is_set_until_it_is_enabled() -> None:
    module = '{ homelab.base.admins.mika.sshKeys = [ "key" ]; }'
    select = "config.services.openssh.enable || config.users.users ? mika"

    assert evaluate(module, select) is False


# Users


def test_an_admin_logs_in_by_key_and_is_in_wheel() -> None:
    select = "with config.users.users.mika; [ isNormalUser extraGroups openssh.authorizedKeys.keys ]"

    assert ask(select) == [True, ["wheel"], [KEY]]


def test_root_takes_the_keys_of_every_admin() -> None:
    select = "config.users.users.root.openssh.authorizedKeys.keys"

    assert ask(select, 'admins.yui.sshKeys = [ "yui-1" "yui-2" ];') == [KEY, "yui-1", "yui-2"]


def test_sudo_asks_no_password_and_serves_only_wheel() -> None:
    assert ask("{ inherit (config.security.sudo) wheelNeedsPassword execWheelOnly; }") == {
        "wheelNeedsPassword": False,
        "execWheelOnly": True,
    }


def test_users_made_by_hand_do_not_stay() -> None:
    assert ask("config.users.mutableUsers") is False


def test_a_machine_that_nobody_can_log_in_to_is_refused() -> None:
    assert failed_assertions('{ networking.hostName = "dl1"; homelab.base.enable = true; }') == [
        (
            "homelab.base on dl1: admins is empty, so nobody could log in; name a person with their ssh key, "
            'as in homelab.base.admins.mika.sshKeys = [ "ssh-ed25519 AAAA... mika" ]'
        ),
    ]


def test_an_admin_without_a_key_is_refused() -> None:
    assert failed_assertions(machine("admins.yui = { };")) == [
        (
            "homelab.base on dl1: admin yui has no ssh key and could not log in; "
            "add one to homelab.base.admins.yui.sshKeys or remove yui"
        ),
    ]


def test_root_cannot_be_an_admin() -> None:
    assert failed_assertions(machine('admins.root.sshKeys = [ "key" ];')) == [
        (
            "homelab.base on dl1: root cannot be an admin; "
            "give the keys to a person in homelab.base.admins, root takes them from there"
        ),
    ]


def test_a_machine_with_an_admin_has_nothing_to_complain_about() -> None:
    assert failed_assertions(machine()) == []


# ssh


def sshd_config(directory: Path, settings: dict[str, Any]) -> Path:
    """The evaluated settings in sshd's own language."""
    key = directory / "host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    words = {True: "yes", False: "no"}
    lines = [f"{name} {words.get(value, value)}" for name, value in settings.items() if value is not None]
    text = directory / "sshd_config"
    text.write_text("\n".join([f"HostKey {key}", *lines, ""]))
    return text


# As root sshd wants its directory in /run, which is there only while a service of that name runs.
SSHD = 'mount -t tmpfs tmpfs /run; mkdir /run/sshd; exec "$(command -v sshd)" -T -f "$1"'


@needs("openssh-server", "sshd", "ssh-keygen")
def test_sshd_takes_the_settings_and_lets_nobody_in_by_password(tmp_path: Path) -> None:
    done = apart(SSHD, str(sshd_config(tmp_path, ask("config.services.openssh.settings"))))

    assert done.returncode == 0, done.stdout
    assert {
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "permitrootlogin without-password",
        "pubkeyauthentication yes",
    } <= set(done.stdout.splitlines())


@needs("openssh-server", "sshd", "ssh-keygen")
def test_sshd_refuses_a_setting_it_does_not_know(tmp_path: Path) -> None:
    settings = ask("config.services.openssh.settings") | {"KeysOnly": True}
    done = apart(SSHD, str(sshd_config(tmp_path, settings)))

    assert done.returncode != 0
    assert "Bad configuration option: KeysOnly" in done.stdout


def test_the_host_has_one_key_and_logins_use_none_from_home_directories() -> None:
    assert ask("{ inherit (config.services.openssh) enable hostKeys authorizedKeysInHomedir; }") == {
        "enable": True,
        "hostKeys": [{"type": "ed25519", "path": "/etc/ssh/ssh_host_ed25519_key"}],
        "authorizedKeysInHomedir": False,
    }


# Firewall


def test_the_firewall_is_on_and_is_nftables() -> None:
    assert ask("[ config.networking.firewall.enable config.networking.nftables.enable ]") == [True, True]


def test_a_host_may_keep_the_iptables_firewall() -> None:
    assert ask("config.networking.nftables.enable", more="networking.nftables.enable = false;") is False


# Place


def test_a_machine_knows_its_domain_and_time_zone() -> None:
    body = 'domain = "lab.example"; timeZone = "Asia/Tokyo";'

    assert ask("[ config.networking.fqdn config.time.timeZone ]", body) == ["dl1.lab.example", "Asia/Tokyo"]


def test_the_time_comes_from_the_servers_of_the_lab() -> None:
    select = "[ config.services.timesyncd.enable config.networking.timeServers ]"

    assert ask(select, 'ntpServers = [ "192.168.10.1" ];') == [True, ["192.168.10.1"]]


def test_without_servers_of_the_lab_those_of_nixos_stay() -> None:
    default = 'networking.timeServers = lib.mkOptionDefault [ "0.nixos.pool.ntp.org" ];'

    assert ask("config.networking.timeServers", more=default) == ["0.nixos.pool.ntp.org"]


# Nix


def test_flakes_are_on_and_channels_are_off() -> None:
    assert ask("[ config.nix.settings.experimental-features config.nix.channel.enable ]") == [
        ["nix-command", "flakes"],
        False,
    ]


def test_admins_may_hand_over_closures_and_trusted_keys_sign_them() -> None:
    select = "[ config.nix.settings.trusted-users config.nix.settings.trusted-public-keys ]"

    assert ask(select, 'trustedKeys = [ "deployer-1:abc=" ];') == [["@wheel"], ["deployer-1:abc="]]


def test_old_generations_are_deleted_by_age() -> None:
    select = "let inherit (config.nix) gc; in [ gc.automatic gc.dates gc.options ]"

    assert ask(select, 'gc = { dates = "daily"; olderThan = "14d"; };') == [
        True,
        "daily",
        "--delete-older-than 14d",
    ]


def test_the_age_of_generations_is_counted_in_days() -> None:
    with pytest.raises(EvaluationError, match=r"homelab\.base\.gc\.olderThan"):
        ask("config.nix.gc.options", 'gc.olderThan = "all";')


# Boot


def test_both_boot_loaders_keep_ten_generations() -> None:
    select = "with config.boot.loader; [ systemd-boot.configurationLimit grub.configurationLimit ]"
    asked = {"default": machine(), "five": machine("generations = 5;")}

    assert evaluate_many(asked, select) == {"default": [10, 10], "five": [5, 5]}


def test_the_kernel_of_the_inventory_beats_a_modules_default() -> None:
    select = "config.boot.kernelPackages.kernel.version"
    wish = "boot.kernelPackages = lib.mkDefault pkgs.linuxPackages_6_18;"

    assert ask(select, 'kernel = "6.12";', wish).startswith("6.12.")
    assert ask(select, more=wish).startswith("6.18.")


def test_a_kernel_that_nixpkgs_does_not_have_is_refused() -> None:
    assert failed_assertions(machine('kernel = "4.99";')) == [
        (
            "homelab.base.kernel on dl1: this nixpkgs has no linuxPackages_4_99; "
            "name a series it has, or leave homelab.base.kernel out to run its default"
        ),
    ]


def test_a_machine_never_waits_at_an_emergency_prompt_or_stays_in_a_panic() -> None:
    assert ask("config.systemd.enableEmergencyMode") is False
    assert "panic=10" in ask("config.boot.kernelParams")


# Watchdog


def test_the_watchdog_resets_a_machine_that_hangs() -> None:
    select = "{ inherit (config.systemd.settings.Manager) RuntimeWatchdogSec RebootWatchdogSec; }"

    assert ask(select, 'watchdog.timeout = "2min";') == {
        "RuntimeWatchdogSec": "2min",
        "RebootWatchdogSec": "5min",
    }


def test_the_watchdog_can_be_left_to_another_program() -> None:
    assert ask("config.systemd.settings.Manager ? RuntimeWatchdogSec", "watchdog.enable = false;") is False


# Hardware

HARDWARE = """{
  firmware = config.hardware.enableRedistributableFirmware;
  microcode = [ config.hardware.cpu.intel.updateMicrocode config.hardware.cpu.amd.updateMicrocode ];
  agent = config.services.qemuGuest.enable;
  consoles = lib.filter (lib.hasPrefix "console=") config.boot.kernelParams;
  modules = config.boot.initrd.availableKernelModules;
}"""


def test_a_metal_host_gets_firmware_microcode_and_its_disk_controller() -> None:
    found = ask(HARDWARE)

    assert (found["firmware"], found["microcode"]) == (True, [True, True])
    assert (found["agent"], found["consoles"]) == (False, [])
    disks = {"virtio_blk", "hpsa", "megaraid_sas", "mpt3sas", "sdhci_acpi", "sdhci_pci", "smartpqi", "uas", "vmd"}
    assert disks <= set(found["modules"])


def test_a_guest_gets_the_agent_and_a_serial_console_and_no_firmware() -> None:
    found = ask(HARDWARE, 'hardware = "kvm-guest";')

    assert (found["firmware"], found["microcode"], found["agent"]) == (False, [False, False], True)
    assert found["consoles"] == ["console=tty0", "console=ttyS0,115200"]
    assert found["modules"] == ["virtio_blk", "virtio_pci", "virtio_scsi"]


def test_tools_for_disks_are_on_metal_hosts_only() -> None:
    select = "map (package: package.name) config.environment.systemPackages"
    found = evaluate_many({"metal": machine(), "guest": machine('hardware = "kvm-guest";')}, select)

    assert set(found["metal"]) - set(found["guest"]) == {"nvme-cli", "smartmontools"}
    assert {"ethtool", "tcpdump", "tmux"} <= set(found["guest"])
