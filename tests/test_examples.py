"""The example labs: their committed files are current, and every machine of theirs becomes the system that it should."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pyhomelab.cli.main import program
from pyhomelab.inventory.load import load
from pyhomelab.secrets.needed import secrets_of
from tests.modules.harness import EvaluationError, evaluate_host, needs_nixpkgs_lib

HOSTS = Path(__file__).parent.parent / "hosts"
LABS = {"home": HOSTS} | {path.name: path for path in sorted((HOSTS / "examples").iterdir())}
MACHINES = [
    (lab, path.parent.name) for lab, directory in LABS.items() for path in sorted(directory.glob("*/default.nix"))
]
REFUSED = "map (one: one.message) (builtins.filter (one: !one.assertion) config.assertions)"


@pytest.mark.parametrize("lab", LABS)
def test_the_committed_files_of_an_example_are_what_gen_writes(lab: str) -> None:
    result = CliRunner().invoke(program, ["gen", "--check", str(LABS[lab])])
    assert result.output == "every file is as the inventory says\n"


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_that_is_generated_anew_is_the_committed_one(lab: str, tmp_path: Path) -> None:
    for inventory in LABS[lab].glob("*.yaml"):
        shutil.copy(inventory, tmp_path)
    assert CliRunner().invoke(program, ["gen", str(tmp_path)]).exit_code == 0
    made = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.nix")}
    ours = [path for path in LABS[lab].rglob("*.nix") if "examples" not in path.relative_to(LABS[lab]).parts]
    assert made == {str(path.relative_to(LABS[lab])): path.read_bytes() for path in ours}


def test_the_examples_show_every_part_of_an_inventory() -> None:
    labs = [load(directory) for directory in LABS.values()]
    assert {cluster.distribution for lab in labs for cluster in lab.clusters.values()} == {"k3s", "kubeadm"}
    assert {host.boot.firmware for lab in labs for host in lab.hosts.values()} == {"bios", "uefi"}
    assert {host.boot.filesystem for lab in labs for host in lab.hosts.values()} == {"ext4", "zfs"}
    assert any(host.links[name].bond for lab in labs for host in lab.hosts.values() for name in host.links)
    assert any(guest.on == "anywhere" for lab in labs for guest in lab.guests.values())


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Copies of the labs whose secrets are there; their content does not matter to an evaluation."""
    copies = {}
    for name, directory in LABS.items():
        copies[name] = tmp_path_factory.mktemp(name)
        for path in directory.iterdir():
            if path.is_dir() and path.name != "examples":
                shutil.copytree(path, copies[name] / path.name)
            elif path.is_file():
                shutil.copy(path, copies[name])
        secrets = copies[name] / "secrets"
        secrets.mkdir(exist_ok=True)
        for secret in secrets_of(load(directory)):
            (secrets / f"{secret.name}.yaml").write_text("value: ENC[]\n")
            if secret.public is not None:
                (secrets / secret.public).write_text("ssh-ed25519 AAAA replication\n")
    return copies


@needs_nixpkgs_lib
@pytest.mark.parametrize(("lab", "machine"), MACHINES)
def test_every_machine_of_an_example_is_a_system_that_nothing_refuses(
    lab: str, machine: str, labs: dict[str, Path]
) -> None:
    assert evaluate_host(labs[lab] / machine, REFUSED) == []


@needs_nixpkgs_lib
def test_a_machine_whose_secret_is_missing_is_refused_with_the_command_that_makes_it(
    labs: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(labs["home"], tmp_path / "lab")
    (tmp_path / "lab" / "secrets" / "drbd-vmstore.yaml").unlink()
    assert evaluate_host(tmp_path / "lab" / "dl2", REFUSED) == [
        "homelab.secrets on dl2: secrets/drbd-vmstore.yaml is missing (the password between the hosts of the DRBD volume vmstore); "
        "make it with `pyhomelab secret generate drbd-vmstore` and `git add` it, for a flake sees only what git knows"
    ]


@needs_nixpkgs_lib
@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("services.openssh.enabel = true;", "The option `services.openssh.enabel' does not exist"),
        ("homelab.drbd.resources.vmstore.prot = 1;", "The option `homelab.drbd.resources.vmstore.prot' does not exist"),
        ("networking.hostId = 5;", "A definition for option `networking.hostId' is not of type `null or string'"),
        ('boot.kernelModules = "kvm";', "A definition for option `boot.kernelModules' is not of type"),
    ],
)
def test_a_wrong_option_or_type_in_a_machines_own_file_is_refused(
    labs: dict[str, Path], tmp_path: Path, extra: str, said: str
) -> None:
    shutil.copytree(labs["home"], tmp_path / "lab")
    (tmp_path / "lab" / "dl1" / "extra.nix").write_text(f"{{ {extra} }}")
    with pytest.raises(EvaluationError) as caught:
        evaluate_host(
            tmp_path / "lab" / "dl1",
            f"{{ refused = {REFUSED}; inherit (config.boot) kernelModules; inherit (config.networking) hostId; }}",
        )
    assert said in str(caught.value)


K3S = 'lib.getAttrs [ "role" "clusterInit" "serverAddr" "disable" ] config.services.k3s'
BONDED = (
    'map (name: config.systemd.network.netdevs.${name}.netdevConfig.Kind) [ "20-bond0" "20-bond0.30" "20-br-guests" ]'
)
FACTS: list[tuple[str, str, str, str, Any]] = [
    ("home", "dl1", "carries the storage network tagged on its second card", 'config.systemd.network.networks."30-eno2".vlan', ["eno2.20"]),
    ("home", "dl1", "has its address of that network on the VLAN", 'config.systemd.network.networks."30-eno2.20".address', ["10.10.20.11/24"]),
    ("home", "dl1", "puts its first card into the bridge of the guests", 'config.systemd.network.networks."30-eno1".bridge', ["br-lan"]),
    ("home", "dl1", "loads DRBD 9 and KVM", "config.boot.kernelModules", ["vhost_net", "kvm_intel", "drbd", "drbd_transport_tcp"]),
    ("home", "dl1", "runs a kernel that DRBD 9 builds for", "lib.versions.majorMinor config.boot.kernelPackages.kernel.version", "6.12"),
    ("home", "dl1", "opens the port of the volume to the storage network alone", "lib.mapAttrs (_: open: open.allowedTCPPorts) config.networking.firewall.interfaces", {"eno2.20": [17132]}),
    ("home", "dl1", "imports its pool at boot, and never by force", "[ config.boot.zfs.extraPools config.boot.zfs.forceImportRoot ]", [["tank"], False]),
    ("home", "dl1", "boots from the disk of the inventory", "config.boot.loader.grub.devices", ["/dev/disk/by-id/ata-INTEL_SSDSC2BB120G4_BTWL3405084Y120LGN"]),
    ("home", "dl1", "limits the ARC to an eighth of its memory", 'lib.hasInfix "zfs_arc_max=${toString (4608 * 1024 * 1024)}" config.boot.extraModprobeConfig', True),
    ("home", "dl1", "keeps the snapshots that were asked for", 'with config.services.sanoid.datasets."tank/files"; [ hourly daily weekly monthly ]', [24, 7, 4, 6]),
    ("home", "dl1", "sends them to the third server", "config.services.syncoid.commands.tank-files.target", "syncoid-receiver@syncoid-dl3:tank/replica/dl1/tank/files"),
    ("home", "dl3", "is the witness of the volume, without a copy", 'lib.hasInfix "disk none;" config.sops.templates."drbd-vmstore.res".content', True),
    ("home", "dl2", "runs the guest that may run anywhere", "config.homelab.kvm.guests ? nas", True),
    ("home", "dl2", "starts that guest once its volume is up", 'lib.elem "homelab-drbd-vmstore.service" config.systemd.services.homelab-guest-nas.after', True),
    ("home", "k8s-1", "founds the cluster", K3S, {"role": "server", "clusterInit": True, "serverAddr": "", "disable": ["servicelb", "traefik"]}),
    ("home", "k8s-2", "joins it through the virtual address", K3S, {"role": "server", "clusterInit": False, "serverAddr": "https://192.168.10.50:6443", "disable": ["servicelb", "traefik"]}),
    ("home", "k8s-1", "runs the Kubernetes that the inventory pins", "config.services.k3s.package.name", "k3s_1_35"),
    ("home", "k8s-3", "takes the virtual address when nobody else does", "map (ip: ip.addr) config.services.keepalived.vrrpInstances.homelab-vip.virtualIps", ["192.168.10.50/24"]),
    ("home", "k8s-1", "reads the token from a file that is not in the store", "config.services.k3s.tokenFile", "/run/secrets/k3s-home-token"),
    ("home", "k8s-1", "names its card by the MAC that its host gives it", 'config.systemd.network.links."10-lan".matchConfig', {"PermanentMACAddress": "52:54:00:17:fe:f3"}),
    ("mini-pc", "mini", "has its root on ZFS and its boot partition on FAT", 'lib.mapAttrs (_: one: one.fsType) (lib.getAttrs [ "/" "/nix" "/boot" ] config.fileSystems)', {"/": "zfs", "/nix": "zfs", "/boot": "vfat"}),
    ("mini-pc", "mini", "is a cluster of one, without etcd", K3S, {"role": "server", "clusterInit": False, "serverAddr": "", "disable": ["metrics-server"]}),
    ("mini-pc", "mini", "lets the lab network reach its web servers", "lib.sort lib.lessThan config.networking.firewall.interfaces.enp2s0.allowedTCPPorts", [80, 443, 6443, 10250]),
    ("two-nodes-and-witness", "alpha", "stacks bond, VLAN and bridge", BONDED, ["bond", "vlan", "bridge"]),
    ("two-nodes-and-witness", "alpha", "sets huge pages aside and keeps the graphics card from its drivers", 'lib.filter (one: lib.hasPrefix "hugepages=" one || lib.hasPrefix "vfio" one) config.boot.kernelParams', ["vfio-pci.ids=10de:1eb8", "hugepages=16"]),
    ("two-nodes-and-witness", "alpha", "encrypts its pool", "config.disko.devices.zpool.tank.rootFsOptions.encryption", "aes-256-gcm"),
    ("two-nodes-and-witness", "alpha", "sends every quarter of an hour", "config.systemd.timers.syncoid-tank-home.timerConfig.OnCalendar or config.services.syncoid.commands.tank-home.service.startAt", ["*:0/15"]),
    ("two-nodes-and-witness", "witness", "holds no pool at all", "config.boot.zfs.extraPools", []),
    ("kubeadm", "node-1", "brings up the control plane", 'lib.filter (lib.hasPrefix "homelab-kubeadm") (lib.attrNames config.systemd.services)', ["homelab-kubeadm-init", "homelab-kubeadm-join-window", "homelab-kubeadm-pod-network", "homelab-kubeadm-upgrade"]),
    ("kubeadm", "node-4", "keeps containerd on overlayfs although it has a pool", 'config.virtualisation.containerd.settings.plugins."io.containerd.grpc.v1.cri".containerd.snapshotter', "overlayfs"),
    ("kubeadm", "node-4", "finds its card by MAC", 'config.systemd.network.links."10-eno1".matchConfig', {"PermanentMACAddress": "3c:ec:ef:12:34:56"}),
    ("kubeadm", "node-2", "forwards packets and lets bridges be filtered", 'lib.getAttrs [ "net.ipv4.ip_forward" "net.bridge.bridge-nf-call-iptables" ] config.boot.kernel.sysctl', {"net.ipv4.ip_forward": 1, "net.bridge.bridge-nf-call-iptables": 1}),
]  # fmt: skip


@needs_nixpkgs_lib
@pytest.mark.parametrize(
    ("lab", "machine", "select", "expected"),
    [(lab, machine, select, expected) for lab, machine, _, select, expected in FACTS],
    ids=[f"{machine} {sentence}" for _, machine, sentence, _, _ in FACTS],
)
def test_it_becomes_the_system_that_the_inventory_asks_for(
    labs: dict[str, Path], lab: str, machine: str, select: str, expected: object
) -> None:
    assert evaluate_host(labs[lab] / machine, select) == expected
