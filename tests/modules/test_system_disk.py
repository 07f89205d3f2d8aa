from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.harness import evaluate, failed_assertions, needs_nixpkgs_lib, values_set
from tests.modules.sources import checkout
from tests.modules.standins import BLANK_DISKS, run

if TYPE_CHECKING:
    from pathlib import Path

needs_disko = pytest.mark.skipif(
    checkout("PYHOMELAB_DISKO", "disko") is None,
    reason="no checkout of disko at $PYHOMELAB_DISKO or in the cache",
)
pytestmark = [needs_nixpkgs_lib, needs_disko]

DISK = "/dev/disk/by-id/ata-SSD_1"
PARTS = "/dev/disk/by-partlabel/dl1"


def machine(options: str = "") -> str:
    return f"""{{
      networking.hostName = "dl1";
      homelab.systemDisk = {{ enable = true; device = "{DISK}"; {options} }};
      homelab.zfs.hostId = "8425e349";
    }}"""


def ask(options: str, select: str) -> Any:
    return evaluate(machine(options), select)


def mounted(options: str) -> dict[str, tuple[str, str]]:
    answer = ask(options, "lib.mapAttrs (_: f: [ f.device f.fsType ]) config.fileSystems")
    return {place: (device, kind) for place, (device, kind) in answer.items()}


ROOT_POOL = {
    "/": ("rpool/root", "zfs"),
    "/nix": ("rpool/nix", "zfs"),
    "/var": ("rpool/var", "zfs"),
    "/home": ("rpool/home", "zfs"),
}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('firmware = "uefi";', {"/boot": (f"{PARTS}-esp", "vfat"), "/": (f"{PARTS}-root", "ext4")}),
        ('firmware = "bios";', {"/": (f"{PARTS}-root", "ext4")}),
        ('firmware = "uefi"; filesystem = "zfs";', {"/boot": (f"{PARTS}-esp", "vfat"), **ROOT_POOL}),
        ('firmware = "bios"; filesystem = "zfs";', {"/boot": (f"{PARTS}-boot", "ext4"), **ROOT_POOL}),
    ],
)
def test_disko_mounts_what_the_layout_says(options: str, expected: dict[str, tuple[str, str]]) -> None:
    assert mounted(options) == expected


def partitions(tmp_path: Path, options: str) -> list[tuple[str, str]]:
    """Each partition's type and end, in the order in which disko's own script really makes them."""
    made = run(ask(options, "config.disko.devices._create"), tmp_path, BLANK_DISKS)
    assert made.status == 0, made.said
    found = []
    for call in made.called("sgdisk"):
        assert call[-1] == DISK
        new = [word for word in call if word.startswith("--new=")]
        kind = [word for word in call if word.startswith("--typecode=")]
        found += [(kind[0].split(":")[1], new[0].split(":")[2])] if new else []
    return found


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('firmware = "uefi";', [("EF00", "+1G"), ("8300", "-0")]),
        ('firmware = "bios";', [("EF02", "+1M"), ("8300", "-0")]),
        ('firmware = "bios"; swapSize = "8G";', [("EF02", "+1M"), ("8200", "+8G"), ("8300", "-0")]),
        ('firmware = "bios"; filesystem = "zfs";', [("EF02", "+1M"), ("8300", "+1G"), ("8300", "-0")]),
    ],
)
def test_disko_partitions_the_disk(tmp_path: Path, options: str, expected: list[tuple[str, str]]) -> None:
    assert partitions(tmp_path, options) == expected


def test_a_hypervisor_does_not_take_its_guests_partitions_for_its_own() -> None:
    guest = machine().replace("dl1", "k8s-1")
    select = "map (f: f.device) (lib.attrValues config.fileSystems)"

    assert not set(evaluate(machine(), select)) & set(evaluate(guest, select))


def test_labels_stay_apart_and_short_under_the_longest_names() -> None:
    names = ["a" * 62 + end for end in "xy"]
    select = "lib.mapAttrsToList (_: p: p.label) config.disko.devices.disk.system.content.partitions"
    labels = [label for name in names for label in evaluate(machine().replace("dl1", name), select)]

    assert len(set(labels)) == 4
    assert max(map(len, labels)) <= 36


def test_swap_is_a_partition_even_on_zfs() -> None:
    options = 'filesystem = "zfs"; swapSize = "8G";'

    assert ask(options, "map (s: s.device) config.swapDevices") == [f"{PARTS}-swap"]


def test_there_is_no_swap_unless_it_is_asked_for() -> None:
    assert ask("", "config.swapDevices") == []


def test_only_root_reads_the_system_partition() -> None:
    assert ask("", 'config.fileSystems."/boot".options') == ["umask=0077"]


def test_uefi_starts_by_systemd_boot() -> None:
    select = "[ config.boot.loader.systemd-boot.enable config.boot.loader.efi.canTouchEfiVariables ]"

    assert ask('firmware = "uefi";', select) == [True, True]


def test_bios_starts_by_grub_from_the_disk_that_is_installed_on() -> None:
    select = "with config.boot.loader; [ grub.enable grub.devices systemd-boot.enable ]"

    assert ask('firmware = "bios";', select) == [True, [DISK], False]


def test_a_board_with_broken_variables_may_say_so() -> None:
    module = f"""{{ imports = [ {machine()} ]; boot.loader.efi.canTouchEfiVariables = false; }}"""

    assert evaluate(module, "config.boot.loader.efi.canTouchEfiVariables") is False


def test_the_root_pool_is_made_by_disko(tmp_path: Path) -> None:
    script = ask('filesystem = "zfs"; pool = "zroot";', "config.disko.devices._create")
    made = run(script, tmp_path, BLANK_DISKS)

    assert made.status == 0, made.said
    assert made.called("zpool", "create") == [
        [
            "zpool",
            "create",
            "-f",
            "zroot",
            "-R",
            "/mnt",
            "-m",
            "none",
            "-o",
            "ashift=12",
            "-O",
            "acltype=posixacl",
            "-O",
            "atime=off",
            "-O",
            "canmount=off",
            "-O",
            "compression=zstd",
            "-O",
            "mountpoint=none",
            "-O",
            "xattr=sa",
            f"{PARTS}-zfs",
        ]
    ]
    assert sorted(made.called("zfs", "create")) == [
        ["zfs", "create", "-up", f"zroot/{name}", "-o", "mountpoint=legacy"] for name in ("home", "nix", "root", "var")
    ]


def test_a_root_pool_is_looked_after_like_any_other() -> None:
    select = """[
      config.networking.hostId config.services.zfs.autoScrub.enable config.boot.zfs.forceImportRoot
    ]"""

    assert ask('filesystem = "zfs";', select) == ["8425e349", True, False]


def test_a_root_pool_needs_a_host_id() -> None:
    module = f"""{{
      networking.hostName = "dl1";
      homelab.systemDisk = {{ enable = true; device = "{DISK}"; filesystem = "zfs"; }};
    }}"""

    assert failed_assertions(module) == [
        (
            "homelab.zfs on dl1: hostId is not set, and a pool must know whose it is; set homelab.zfs.hostId to "
            "what `head -c4 /dev/urandom | od -A none -t x4` prints"
        ),
    ]


def test_zfs_stays_off_on_ext4() -> None:
    assert ask("", "config.boot.zfs.enabled") is False


def test_nothing_is_laid_out_until_it_is_enabled() -> None:
    module = f'{{ homelab.systemDisk.device = "{DISK}"; }}'

    assert evaluate(module, "config.disko.devices.disk") == {}


@pytest.mark.parametrize("firmware", ["uefi", "bios"])
@pytest.mark.parametrize("filesystem", ["ext4", "zfs"])
def test_every_option_it_sets_exists_and_nothing_is_refused(firmware: str, filesystem: str) -> None:
    module = machine(f'firmware = "{firmware}"; filesystem = "{filesystem}"; swapSize = "4G";')

    assert "disko.devices" in " ".join(values_set(module))
    assert failed_assertions(module) == []
