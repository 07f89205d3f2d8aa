"""Whole machines, every concern at work: each value that the modules set exists in NixOS and fits its option."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.modules.harness import evaluate, failed_assertions, needs_nixpkgs_lib, refused_by_nixos, values_set
from tests.modules.option_tree import unparsed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_nixpkgs_lib

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3WzO0l0hW0c1b0t1u0v1w0x1y0z1A0B1C0D1E0F1G0 mika"
LAB = f"""
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";
  homelab.base = {{
    enable = true;
    domain = "home.arpa";
    timeZone = "Asia/Tokyo";
    ntpServers = [ "192.168.10.1" ];
    admins.mika.sshKeys = [ "{KEY}" ];
  }};
  homelab.network.names = {{ dl1 = "192.168.10.11"; dl2 = "192.168.10.12"; k8s-1 = "192.168.10.21"; }};
"""
HOST = """
  networking.hostName = "dl1";
  homelab = {
    systemDisk = { enable = true; device = "/dev/disk/by-id/system"; filesystem = "zfs"; swapSize = "8G"; };
    network = {
      enable = true;
      links.eno1.mac = "aa:bb:cc:00:00:01";
      bonds.bond0 = { members = [ "eno1" "eno2" ]; mode = "802.3ad"; };
      vlans."bond0.20" = { id = 20; parent = "bond0"; };
      vlans."bond0.30" = { id = 30; parent = "bond0"; };
      bridges.br-lan.members = [ "bond0.30" ];
      interfaces."bond0.20" = { network = "storage"; addresses = [ "10.10.20.11/24" ]; mtu = 9000; };
      interfaces.br-lan = {
        network = "lan";
        addresses = [ "192.168.10.11/24" ];
        gateway = "192.168.10.1";
        dns = [ "192.168.10.1" ];
        firewall.tcp = [ 9100 ];
      };
    };
    zfs = {
      enable = true;
      hostId = "8425e349";
      arcMaxMiB = 8192;
      pools.tank = {
        vdevs = [ { layout = "mirror"; disks = [ "/dev/disk/by-id/a" "/dev/disk/by-id/b" ]; } ];
        encrypted = true;
        datasets = {
          guests = { reservation = "50G"; };
          media = {
            mountpoint = "/tank/media";
            quota = "2T";
            snapshots = { hourly = 24; daily = 7; };
            replicate = { host = "dl2"; address = "10.10.20.12"; dataset = "tank/backup/dl1-media"; };
          };
        };
      };
    };
    drbd = {
      enable = true;
      resources.vmstore = {
        minor = 0;
        port = 7789;
        interface = "bond0.20";
        sharedSecret = true;
        verify = "monthly";
        rate = "100M";
        backing = { dataset = "tank/drbd/vmstore"; size = "200G"; };
        hosts = {
          dl1 = { nodeId = 0; address = "10.10.20.11"; disk = "/dev/zvol/tank/drbd/vmstore"; };
          dl2 = { nodeId = 1; address = "10.10.20.12"; disk = "/dev/zvol/tank/drbd/vmstore"; };
          dl3 = { nodeId = 2; address = "10.10.20.13"; };
        };
      };
    };
    kvm = {
      enable = true;
      nested = true;
      cpuVendor = "intel";
      iommu = true;
      vfioIds = [ "10de:1eb8" ];
      hugepages = { size = "1G"; count = 8; };
      bridges = [ "br-lan" ];
      guests.k8s-1 = {
        uuid = "6f1c1b0e-8d2b-5d0c-9a55-0d7d2b1e2f10";
        cpus = 4;
        memoryMiB = 8192;
        firmware = "uefi";
        hugepages = true;
        autostart = true;
        disks = [
          {
            name = "root";
            kind = "zvol";
            source = "/dev/zvol/tank/guests/k8s-1-root";
            size = "60G";
            dataset = "tank/guests/k8s-1-root";
          }
          { name = "data"; kind = "drbd"; source = "/dev/drbd/by-res/vmstore/0"; resource = "vmstore"; }
        ];
        interfaces = [ { name = "lan"; bridge = "br-lan"; mac = "52:54:00:12:34:56"; } ];
        pci = [ "0000:03:00.0" ];
      };
    };
  };
"""
GUEST = """
  networking.hostName = "k8s-1";
  homelab = {
    systemDisk = { enable = true; device = "/dev/disk/by-id/virtio-root"; firmware = "bios"; };
    network = {
      enable = true;
      interfaces.ens3 = {
        network = "lan";
        addresses = [ "192.168.10.21/24" ];
        gateway = "192.168.10.1";
      };
    };
    vip = {
      enable = true;
      address = "192.168.10.50";
      prefixLength = 24;
      interface = "ens3";
      routerId = 50;
      priority = 150;
      peers = [ "192.168.10.22" "192.168.10.23" ];
      source = "192.168.10.21";
    };
  };
"""
CLUSTER = """
      enable = true;
      cluster = "home";
      role = "server";
      initialize = true;
      nodeIp = "192.168.10.21";
      interface = "ens3";
      servers = { k8s-1 = "192.168.10.21"; k8s-2 = "192.168.10.22"; k8s-3 = "192.168.10.23"; };
      labels = { "home.arpa/rack" = "a"; };
      taints = [ "home.arpa/spare=yes:NoSchedule" ];
      registryMirrors."docker.io" = [ "https://mirror.home.arpa" ];
"""
MACHINES = {
    "host": HOST,
    "k3s": GUEST + f'homelab.k3s = {{ {CLUSTER} joinAddress = "192.168.10.50"; version = "1.35"; }};',
    "kubeadm": GUEST + f'homelab.kubeadm = {{ {CLUSTER} endpoint = "192.168.10.50:6443"; version = "1.35"; }};',
}


def machine(name: str, secrets: Path) -> str:
    """The module of a machine whose secrets are all there."""
    text = f"{{ {LAB} {MACHINES[name]} homelab.secrets.directory = {secrets}; }}"
    secrets.mkdir()
    for secret in evaluate(text, "lib.attrNames config.homelab.secrets.needed"):
        (secrets / f"{secret}.yaml").write_text("value: ENC[]\n")
    return text


@pytest.mark.parametrize("name", MACHINES)
def test_a_whole_machine_evaluates_to_the_last_value(name: str, tmp_path: Path) -> None:
    names = values_set(machine(name, tmp_path / "secrets"))
    assert {"networking.hostName", "systemd.services", "sops.secrets", "users.users"} <= set(names)


@pytest.mark.parametrize("name", MACHINES)
def test_a_whole_machine_stands_up_to_the_checks(name: str, tmp_path: Path) -> None:
    assert failed_assertions(machine(name, tmp_path / "secrets")) == []


@pytest.mark.parametrize("name", MACHINES)
def test_a_whole_machine_is_one_that_nixos_takes(name: str, tmp_path: Path) -> None:
    assert refused_by_nixos(machine(name, tmp_path / "secrets")) == []


def test_a_machine_that_could_not_boot_is_refused() -> None:
    module = """{
      boot.supportedFilesystems = [ "zfs" ];
      users.mutableUsers = false;
      systemd.services.x = { script = "true"; serviceConfig = { Type = "oneshot"; Restart = "always"; }; };
    }"""
    assert refused_by_nixos(module, lab=None) == [
        "no file system is mounted at /",
        "grub is told of no disk",
        "ZFS needs networking.hostId",
        "nobody could log in to repair this machine",
        "systemd.services.x: a oneshot cannot have Restart=always",
    ]


@pytest.mark.parametrize("name", MACHINES)
def test_no_option_that_accepts_anything_is_set(name: str, tmp_path: Path) -> None:
    names = values_set(machine(name, tmp_path / "secrets"))
    assert [option for option in names if option in unparsed()] == []
