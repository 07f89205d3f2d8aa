from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.harness import evaluate, needs_nixpkgs_lib, script
from tests.modules.kvm_guests import OTHER_UUID, ROOT_DISK, guest, machine, needs
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_nixpkgs_lib

ON_DRBD = 'name = "data"; kind = "drbd"; resource = "vmstore";'
ON_FILES = 'name = "data"; kind = "file"; source = "/srv/a 100% \\"b\\"/k8s-1.raw"; size = "10G";'
WEB = guest("web", disks=ROOT_DISK.replace("k8s-1", "web"), more="", uuid=OTHER_UUID)


def unit(module: str, name: str = "homelab-guest-k8s-1") -> dict[str, Any]:
    select = f"""{{
      inherit (config.systemd.services.{name})
        wants requires bindsTo partOf after wantedBy unitConfig serviceConfig reloadIfChanged;
    }}"""
    found: dict[str, Any] = evaluate(module, select)
    return found


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def commands(module: str, key: str, name: str = "homelab-guest-k8s-1") -> list[str]:
    """Programs with arguments that a unit runs, without the store paths they are in."""
    return [line.rpartition("/bin/")[2] for line in listed(unit(module, name)["serviceConfig"][key])]


def prepare(module: str) -> list[str]:
    text = script(listed(unit(module)["serviceConfig"]["ExecStart"])[0])
    return [line for line in text.splitlines() if line.startswith("homelab-")]


def test_a_host_without_kvm_has_nothing_of_it() -> None:
    found = evaluate(
        '{ homelab.kvm.bridges = [ "br-lan" ]; }',
        """{
      libvirtd = config.virtualisation.libvirtd.enable;
      services = lib.filter (lib.hasPrefix "homelab-guest") (lib.attrNames config.systemd.services);
      inherit (config.boot) kernelParams extraModprobeConfig;
    }""",
    )

    assert found == {"libvirtd": False, "services": [], "kernelParams": [], "extraModprobeConfig": ""}


def test_the_module_works_without_the_rest_of_the_lab() -> None:
    found = evaluate(machine(guest()), "lib.attrNames config.systemd.services", lab=ROOT / "nix/modules/kvm")

    assert [name for name in found if name.startswith("homelab")] == ["homelab-guest-k8s-1", "homelab-guests-forget"]


# The unit of a guest


def test_starting_the_unit_makes_the_disks_defines_the_guest_and_starts_it() -> None:
    module = machine(guest())

    assert commands(module, "ExecStart") == ["homelab-guest-k8s-1-prepare", "homelab-guest start k8s-1"]
    first, second = prepare(module)
    assert first == "homelab-guest-disk zvol k8s-1 tank/guests/k8s-1-root 60G"
    assert second.startswith("homelab-guest define k8s-1 /nix/store/")


def test_the_definition_is_the_file_in_etc() -> None:
    module = machine(guest())
    source = evaluate(module, '"${config.environment.etc."homelab/guests/k8s-1.xml".source}"')

    assert prepare(module)[-1] == f"homelab-guest define k8s-1 {source}"


def test_a_guest_that_does_not_start_with_the_host_is_defined_all_the_same() -> None:
    module = machine(guest(more="autostart = false;"))

    assert commands(module, "ExecStart") == ["homelab-guest-k8s-1-prepare"]
    assert unit(module)["wantedBy"] == ["multi-user.target"]


def test_a_guest_on_drbd_starts_only_where_no_other_host_has_it_open() -> None:
    module = machine(guest(disks=f"{ROOT_DISK}|{ON_DRBD}"))

    assert commands(module, "ExecStart")[1:] == ["homelab-guest start k8s-1 vmstore"]


def test_a_switch_reloads_a_changed_guest_and_reloading_only_prepares_it() -> None:
    before, after = machine(guest()), machine(guest(memory=4096))

    assert unit(before)["serviceConfig"]["ExecReload"] != unit(after)["serviceConfig"]["ExecReload"]
    assert unit(after)["reloadIfChanged"] is True
    assert commands(after, "ExecReload") == ["homelab-guest-k8s-1-prepare"]


def test_stopping_the_unit_shuts_the_guest_down_and_has_time_to_pull_the_plug() -> None:
    module = machine(guest(), "shutdownTimeout = 200;")

    assert commands(module, "ExecStop") == ["homelab-guest stop k8s-1 200"]
    assert unit(module)["serviceConfig"]["TimeoutStopSec"] == "260s"


def test_nothing_that_a_guest_needs_takes_it_down_by_restarting() -> None:
    found = unit(machine(guest(disks=f"{ROOT_DISK}|{ON_DRBD}")))

    assert (found["requires"], found["bindsTo"], found["partOf"]) == ([], [], [])
    assert found["wants"] == [
        "libvirtd.service",
        "zfs-import-tank.service",
        "homelab-zfs-datasets-tank.service",
        "homelab-drbd-vmstore.service",
        "sys-subsystem-net-devices-br\\x2dlan.device",
    ]


def test_what_a_guest_needs_is_there_before_it_starts_and_until_it_has_stopped() -> None:
    found = unit(machine(guest(disks=f"{ROOT_DISK}|{ON_DRBD}")))

    assert set(found["wants"]) <= set(found["after"])
    assert set(found["after"]) - set(found["wants"]) == {
        "libvirtd.socket",
        "libvirt-guests.service",
        "virt-guest-shutdown.target",
        "homelab-guests-forget.service",
    }


def test_an_image_requires_the_file_system_it_is_on() -> None:
    found = unit(machine(guest(disks=ON_FILES)))

    assert found["unitConfig"]["RequiresMountsFor"] == ['"/srv/a 100%% \\"b\\""']
    assert "zfs-mount.service" in found["after"]


def test_a_guest_that_cannot_start_yet_is_tried_again_without_end() -> None:
    found = unit(machine(guest()))

    assert found["unitConfig"]["StartLimitIntervalSec"] == 0
    assert {key: found["serviceConfig"][key] for key in ("Type", "RemainAfterExit", "Restart", "RestartSec")} == {
        "Type": "oneshot",
        "RemainAfterExit": True,
        "Restart": "on-failure",
        "RestartSec": "30s",
    }


@pytest.mark.parametrize(
    ("disk", "line"),
    [
        (ROOT_DISK, "homelab-guest-disk zvol k8s-1 tank/guests/k8s-1-root 60G"),
        ('name = "root"; kind = "zvol"; dataset = "tank/x";', "homelab-guest-disk present k8s-1 /dev/zvol/tank/x"),
        (ON_DRBD, "homelab-guest-disk present k8s-1 /dev/drbd/by-res/vmstore/0"),
        (ON_FILES, "homelab-guest-disk file k8s-1 raw '/srv/a 100% \"b\"/k8s-1.raw' 10G"),
        (
            'name = "root"; kind = "file"; source = "/srv/$(id).raw";',
            "homelab-guest-disk present k8s-1 '/srv/$(id).raw'",
        ),
    ],
)
def test_only_a_disk_of_a_size_is_made(disk: str, line: str) -> None:
    assert prepare(machine(guest(disks=disk)))[0] == line


def test_guests_that_left_are_forgotten_before_the_others_start() -> None:
    module = machine(guest() + WEB, "shutdownTimeout = 60;")
    found = unit(module, "homelab-guests-forget")

    assert commands(module, "ExecStart", "homelab-guests-forget") == ["homelab-guests-forget dl1 60 k8s-1 web"]
    assert found["wantedBy"] == ["multi-user.target"]
    assert found["reloadIfChanged"] is False
    for name in ("k8s-1", "web"):
        assert "homelab-guests-forget.service" in unit(module, f"homelab-guest-{name}")["after"]


def test_a_host_whose_last_guest_left_still_forgets_it() -> None:
    assert commands(machine(""), "ExecStart", "homelab-guests-forget") == ["homelab-guests-forget dl1 120"]


@needs("systemd", "systemd-analyze")
@pytest.mark.parametrize("name", ["homelab-guest-k8s-1", "homelab-guests-forget"])
def test_systemd_understands_every_line_of(name: str, tmp_path: Path) -> None:
    module = machine(guest(disks=f"{ROOT_DISK}|{ON_FILES}|{ON_DRBD.replace('data', 'more')}"))
    text = evaluate(module, f'config.systemd.units."{name}.service".text')
    file = tmp_path / f"{name}.service"
    file.write_text(re.sub(r"/nix/store/\S+/homelab\S+", "/bin/true", text))

    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)

    # It warns of an unknown key or value, and succeeds.
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


# The host


def test_libvirt_guests_leaves_our_guests_to_their_units() -> None:
    found = evaluate(
        machine(guest()),
        """{
      inherit (config.virtualisation.libvirtd)
        enable onBoot onShutdown parallelShutdown shutdownTimeout allowedBridges;
      inherit (config.virtualisation.libvirtd.qemu) runAsRoot;
      polkit = config.security.polkit.enable;
    }""",
    )

    assert found == {
        "enable": True,
        "onBoot": "ignore",
        "onShutdown": "shutdown",
        "parallelShutdown": 10,
        "shutdownTimeout": 120,
        "allowedBridges": ["br-lan"],
        "runAsRoot": False,
        "polkit": True,
    }


def test_admins_may_use_libvirt() -> None:
    admin = 'homelab.base = { enable = true; admins.mika.sshKeys = [ "ssh-ed25519 AAAA mika" ]; };'

    assert "libvirtd" in evaluate(machine(guest(), more=admin), "config.users.users.mika.extraGroups")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("nested = true;", "options kvm_amd nested=1\noptions kvm_intel nested=1\n"),
        ('nested = true; cpuVendor = "intel";', "options kvm_intel nested=1\n"),
        ('nested = true; cpuVendor = "amd";', "options kvm_amd nested=1\n"),
        ('cpuVendor = "intel";', "options kvm_intel nested=0\n"),
    ],
)
def test_guests_inside_guests_are_allowed_or_forbidden_by_the_kernel(options: str, text: str) -> None:
    assert evaluate(machine("", options), "config.boot.extraModprobeConfig").strip() == text.strip()


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ("", []),
        ("iommu = true;", ["intel_iommu=on", "iommu=pt"]),
        ('iommu = true; cpuVendor = "intel";', ["intel_iommu=on", "iommu=pt"]),
        ('iommu = true; cpuVendor = "amd";', ["iommu=pt"]),
        (
            'iommu = true; cpuVendor = "amd"; vfioIds = [ "10de:1eb8" "10de:10f8" ];',
            ["iommu=pt", "vfio-pci.ids=10de:1eb8,10de:10f8"],
        ),
        ("hugepages.count = 16;", ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=16"]),
        ('hugepages = { size = "2M"; count = 4096; };', ["default_hugepagesz=2M", "hugepagesz=2M", "hugepages=4096"]),
    ],
)
def test_the_kernel_is_told_at_boot(options: str, parameters: list[str]) -> None:
    assert evaluate(machine("", options), "config.boot.kernelParams") == parameters


def test_devices_for_guests_are_taken_in_the_initrd_before_their_drivers_come() -> None:
    taken = machine("", 'iommu = true; vfioIds = [ "10de:1eb8" ];')

    assert evaluate(taken, "config.boot.initrd.kernelModules") == ["vfio_pci", "vfio", "vfio_iommu_type1"]
    assert evaluate(machine("", "iommu = true;"), "config.boot.initrd.kernelModules") == []
