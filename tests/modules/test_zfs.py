from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.modules.harness import evaluate, failed_assertions, needs_nixpkgs_lib, values_set
from tests.modules.zfs_hosts import (
    DATASETS,
    MIRROR,
    RECEIVES,
    ask,
    disks,
    formatted,
    host,
    needs_disko,
    vdev,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [needs_nixpkgs_lib, needs_disko]

ROOT_PROPERTIES = [
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
]
needs_shellcheck = pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="no shellcheck on PATH: install the Debian package shellcheck"
)

# Pools


def part(*members: str) -> list[str]:
    return [f"/dev/disk/by-partlabel/disk-tank-{member}-zfs" for member in members]


@pytest.mark.parametrize(
    ("tank", "expected"),
    [
        (f"vdevs = [ {vdev('stripe', 'a')} ];", part("0")),
        (f"vdevs = [ {vdev('stripe', 'a', 'b')} ];", part("0", "1")),
        (MIRROR, ["mirror", *part("0", "1")]),
        (
            f"vdevs = [ {vdev('mirror', 'a', 'b')} {vdev('mirror', 'c', 'd')} ];",
            ["mirror", *part("0", "1"), "mirror", *part("2", "3")],
        ),
        (
            f"vdevs = [ {vdev('mirror', 'a', 'b')} {vdev('stripe', 'c')} ];",
            [*part("2"), "mirror", *part("0", "1")],
        ),
        (f"vdevs = [ {vdev('raidz1', 'a', 'b', 'c')} ];", ["raidz1", *part("0", "1", "2")]),
        (f"vdevs = [ {vdev('raidz2', *'abcd')} ];", ["raidz2", *part(*"0123")]),
        (f"vdevs = [ {vdev('raidz3', *'abcdef')} ];", ["raidz3", *part(*"012345")]),
        (
            (
                f"{MIRROR} special = [ {vdev('mirror', 's', 't')} ]; log = [ {vdev('mirror', 'l', 'm')} ];"
                f" cache = [ {disks('k')} ]; spares = [ {disks('x', 'y')} ];"
            ),
            [
                "mirror",
                *part("0", "1"),
                "spare",
                *part("spare-0", "spare-1"),
                "log",
                "mirror",
                *part("log-0", "log-1"),
                "special",
                "mirror",
                *part("special-0", "special-1"),
                "cache",
                *part("cache-0"),
            ],
        ),
    ],
)
def test_disko_makes_the_pool_of_the_layout(tmp_path: Path, tank: str, expected: list[str]) -> None:
    made = formatted(tmp_path, tank)

    assert made.status == 0, made.said
    assert made.called("zpool", "create") == [
        [
            "zpool",
            "create",
            "-f",
            "tank",
            "-R",
            "/mnt",
            "-m",
            "none",
            "-o",
            "ashift=12",
            *ROOT_PROPERTIES,
            *expected,
        ]
    ]


@pytest.mark.parametrize(
    ("tank", "expected"),
    [
        (f"vdevs = [ {vdev('draid1', *'abc')} ];", ["draid1", *part(*"012")]),
        (f"vdevs = [ {vdev('draid2:2d:1s', *'abcdef')} ];", ["draid2:2d:1s", *part(*"012345")]),
        (
            (
                f"vdevs = [ {vdev('draid3', *'abcde')} ]; special = [ {vdev('mirror', 's', 't')} ];"
                f" log = [ {vdev('stripe', 'l')} ]; cache = [ {disks('k')} ];"
            ),
            [
                "draid3",
                *part(*"01234"),
                "special",
                "mirror",
                *part("special-0", "special-1"),
                "log",
                *part("log-0"),
                "cache",
                *part("cache-0"),
            ],
        ),
    ],
)
def test_a_draid_pool_is_made_before_disko_looks_for_it(tmp_path: Path, tank: str, expected: list[str]) -> None:
    exists = f'[ "$1" != create ] || touch {tmp_path}/made; [ -e {tmp_path}/made ]'
    made = formatted(tmp_path, f"{tank} datasets.vms = {{ }};", {"zpool": exists})

    assert made.status == 0, made.said
    assert made.called("zpool", "create") == [
        [
            "zpool",
            "create",
            "-f",
            "-R",
            "/mnt",
            "-o",
            "ashift=12",
            *ROOT_PROPERTIES,
            "tank",
            *expected,
        ]
    ]
    assert [call[3] for call in made.called("zfs", "create")] == ["tank/vms"]


def test_a_draid_pool_that_is_there_is_kept(tmp_path: Path) -> None:
    made = formatted(tmp_path, f"vdevs = [ {vdev('draid1', *'abc')} ];", {"zpool": ""})

    assert made.status == 0, made.said
    assert made.called("zpool", "create") == []


def test_a_draid_pool_is_not_made_over_anything_else(tmp_path: Path) -> None:
    blkid = 'case "$*" in *TYPE*) echo ext4 ;; *) exit 2 ;; esac'
    made = formatted(tmp_path, f"vdevs = [ {vdev('draid1', *'abc')} ];", {"blkid": blkid})

    assert made.status == 1
    refusal = "zpool tank: /dev/disk/by-partlabel/disk-tank-0-zfs already holds ext4, so the pool is not made"
    assert refusal in made.said.splitlines()
    assert made.called("zpool", "create") == []


def test_every_disk_of_a_pool_is_one_partition_of_it() -> None:
    select = """lib.mapAttrs (_: d: [
      d.device (lib.attrNames d.content.partitions) d.content.partitions.zfs.content.pool
    ]) config.disko.devices.disk"""

    assert ask(select, f"{MIRROR} cache = [ {disks('k')} ];") == {
        "tank-0": ["/dev/disk/by-id/a", ["zfs"], "tank"],
        "tank-1": ["/dev/disk/by-id/b", ["zfs"], "tank"],
        "tank-cache-0": ["/dev/disk/by-id/k", ["zfs"], "tank"],
    }


def test_a_vdev_added_later_renames_no_disk() -> None:
    select = "lib.mapAttrs (_: d: d.device) config.disko.devices.disk"
    before = ask(select, f"{MIRROR} cache = [ {disks('k')} ];")
    grown = f"vdevs = [ {vdev('mirror', 'a', 'b')} {vdev('mirror', 'c', 'd')} ];"
    after = ask(select, f"{grown} cache = [ {disks('k')} ];")

    assert before.items() < after.items()


def test_pool_options_and_properties_override_ours() -> None:
    tank = f'{MIRROR} options.ashift = "13"; options.autotrim = "on"; properties.compression = "lz4";'
    select = "{ inherit (config.disko.devices.zpool.tank) options rootFsOptions; }"

    assert ask(select, tank) == {
        "options": {"ashift": "13", "autotrim": "on"},
        "rootFsOptions": {
            "acltype": "posixacl",
            "atime": "off",
            "canmount": "off",
            "compression": "lz4",
            "mountpoint": "none",
            "xattr": "sa",
        },
    }


@needs_shellcheck
def test_the_hook_of_a_draid_pool_passes_shellcheck(tmp_path: Path) -> None:
    file = tmp_path / "hook"
    draid = f"vdevs = [ {vdev('draid1', *'abc')} ];"
    file.write_text(ask("config.disko.devices.zpool.tank.preCreateHook", draid))

    checked = subprocess.run(["shellcheck", "--shell=bash", file], capture_output=True, text=True, check=False)
    assert checked.stdout == ""


# The host


def test_the_host_imports_its_pools_and_takes_none_by_force() -> None:
    select = """[
      config.networking.hostId config.boot.zfs.extraPools config.boot.zfs.forceImportRoot
      config.boot.zfs.forceImportAll config.boot.zfs.enabled
    ]"""

    assert ask(select) == ["8425e349", ["tank"], False, False, True]


def test_the_read_cache_is_limited_now_and_at_the_next_boot() -> None:
    select = "[ config.boot.extraModprobeConfig config.systemd.tmpfiles.rules ]"

    assert ask(select, more="arcMaxMiB = 4096;") == [
        "options zfs zfs_arc_max=4294967296\n",
        ["w /sys/module/zfs/parameters/zfs_arc_max - - - - 4294967296"],
    ]


def test_the_read_cache_is_zfs_own_affair_unless_limited() -> None:
    assert ask("[ config.boot.extraModprobeConfig config.systemd.tmpfiles.rules ]") == ["", []]


@pytest.mark.parametrize("kind", ["scrub", "trim"])
def test_upkeep_can_be_timed_and_turned_off(kind: str) -> None:
    option = {"scrub": "autoScrub", "trim": "trim"}[kind]
    select = f"with config.services.zfs.{option}; [ enable interval ]"

    assert ask(select, more=f'{kind} = "Sun 03:00";') == [True, "Sun 03:00"]
    assert ask(select, more=f"{kind} = null;")[0] is False


def test_the_default_times_are_calendar_expressions() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on PATH: install the Debian package systemd")
    times = ask("with config.services; [ zfs.autoScrub.interval zfs.trim.interval sanoid.interval ]")

    done = subprocess.run(["systemd-analyze", "calendar", *times], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_zed_mails_good_news_too() -> None:
    module = host(more='mailTo = "mika@example.org";', also="services.zfs.zed.enableMail = true;")

    assert failed_assertions(module) == []
    assert evaluate(module, "config.services.zfs.zed.settings") == {
        "ZED_EMAIL_ADDR": ["mika@example.org"],
        "ZED_NOTIFY_INTERVAL_SECS": 3600,
        "ZED_NOTIFY_VERBOSE": True,
        "ZED_SCRUB_AFTER_RESILVER": True,
    }


def test_without_an_address_zed_only_scrubs_after_a_resilver() -> None:
    assert ask("config.services.zfs.zed.settings") == {"ZED_SCRUB_AFTER_RESILVER": True}


def test_every_option_it_sets_exists() -> None:
    names = values_set(host(DATASETS, RECEIVES))

    assert {"boot.zfs.extraPools", "networking.hostId", "services.sanoid.datasets"} <= set(names)


def test_nothing_is_set_until_it_is_enabled() -> None:
    module = f"{{ homelab.zfs.pools.tank = {{ {MIRROR} }}; }}"

    assert evaluate(module, "[ config.boot.zfs.enabled config.disko.devices.zpool ]") == [False, {}]
