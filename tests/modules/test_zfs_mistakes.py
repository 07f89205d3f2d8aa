from __future__ import annotations

import pytest

from tests.modules.harness import failed_assertions, needs_nixpkgs_lib
from tests.modules.zfs_hosts import (
    MIRROR,
    host,
    needs_disko,
    vdev,
)

pytestmark = [needs_nixpkgs_lib, needs_disko]


ZFS = "homelab.zfs on dl1"
POOL = "homelab.zfs.pools.tank on dl1"


def refusals(module: str) -> list[str]:
    """What is refused apart from secrets, which nobody has made here."""
    return [said for said in failed_assertions(module) if not said.startswith("homelab.secrets")]


@pytest.mark.parametrize(
    ("tank", "message"),
    [
        ("", f"{POOL}: it has no vdevs; give it disks in homelab.zfs.pools.tank.vdevs"),
        (
            f"vdevs = [ {vdev('raidz2', 'a', 'b')} ];",
            f"{POOL}: raidz2 needs at least 3 disks and has 2; add disks or choose another layout",
        ),
        (
            f"vdevs = [ {vdev('draid2:1d', 'a', 'b')} ];",
            f"{POOL}: draid2:1d needs at least 3 disks and has 2; add disks or choose another layout",
        ),
        (
            f"vdevs = [ {vdev('mirror', 'a', 'a')} ];",
            f"{ZFS}: the disk /dev/disk/by-id/a is used 2 times (pool tank, pool tank); use it once",
        ),
        (
            f"{MIRROR} special = [ {vdev('stripe', 's')} ];",
            (f"{POOL}: a special vdev of a single disk would take the whole redundant pool with it; make it a mirror"),
        ),
        (
            f"{MIRROR} log = [ {vdev('draid1', 'l', 'm')} ];",
            f"{POOL}: ZFS has draid for data only; make special and log vdevs mirrors",
        ),
        (
            f'{MIRROR} datasets.vms.replicate = {{ host = "dl2"; address = "fd00::2"; dataset = "a/b/c"; }};',
            (
                f"{POOL}: vms is replicated but has no snapshots to send; "
                "set homelab.zfs.pools.tank.datasets.vms.snapshots, for instance to { }"
            ),
        ),
        (
            f'{MIRROR} encrypted = true; datasets.log.mountpoint = "/var/log";',
            (
                f"{ZFS}: tank/log is mounted on /var/log before the key of its encrypted pool can be read; "
                "mount it elsewhere, or put it on a pool without encryption"
            ),
        ),
    ],
)
def test_a_pool_that_cannot_work_is_refused(tank: str, message: str) -> None:
    module = host(tank or "vdevs = [ ];")

    assert refusals(module) == [message]


def test_snapshots_of_a_parent_are_enough_to_replicate() -> None:
    tank = f"""{MIRROR} datasets.vms.snapshots = {{ }}; datasets."vms/db".replicate = {{
      host = "dl2"; address = "10.0.0.2"; dataset = "tank/backup/db";
    }};"""

    assert refusals(host(tank)) == []


def test_a_pool_name_too_long_for_its_partition_labels_is_refused() -> None:
    module = host(tank="", more=f"pools.a-pool-with-a-really-long-name = {{ {MIRROR} }};")

    assert failed_assertions(module) == [
        (
            "homelab.zfs.pools.a-pool-with-a-really-long-name on dl1: the partition label "
            "disk-a-pool-with-a-really-long-name-0-zfs is longer than the 36 letters GPT has room for; "
            "give the pool a shorter name"
        ),
    ]


def test_a_pool_name_that_zfs_keeps_is_refused() -> None:
    module = host(tank="", more=f"pools.mirrored = {{ {MIRROR} }};")

    assert failed_assertions(module) == [
        (
            "homelab.zfs.pools.mirrored on dl1: ZFS keeps this name for itself; "
            "name the pool otherwise, for instance tank"
        ),
    ]


def test_the_system_disk_is_in_no_pool() -> None:
    module = host(also='homelab.systemDisk = { enable = true; device = "/dev/disk/by-id/a"; };')

    assert failed_assertions(module) == [
        ("homelab.zfs on dl1: the disk /dev/disk/by-id/a is used 2 times (homelab.systemDisk, pool tank); use it once"),
    ]


def test_a_pool_is_not_named_like_the_systems() -> None:
    system = """homelab.systemDisk = {
      enable = true; device = "/dev/vda"; filesystem = "zfs"; pool = "tank";
    };"""

    assert failed_assertions(host(tank="", also=system)) == []
    assert failed_assertions(host(also=system)) == [
        f"{POOL}: the system's own pool has this name; name one of them otherwise (homelab.systemDisk.pool)",
    ]


def test_mail_needs_something_that_sends_it() -> None:
    assert failed_assertions(host(more='mailTo = "mika@example.org";')) == [
        (
            "homelab.zfs on dl1: mailTo is mika@example.org, but nothing on this host sends mail; "
            "set up programs.msmtp (accounts.default, setSendmail), or leave mailTo out"
        ),
    ]


def test_a_sender_without_a_key_is_refused() -> None:
    module = host(more='receives = [ { from = "dl3"; dataset = "tank/backup/dl3-vms"; } ];')

    assert failed_assertions(module) == [
        (
            "homelab.zfs.receives on dl1: there is no public key of dl3, who sends tank/backup/dl3-vms; "
            "make syncoid-dl3.pub in homelab.secrets.directory with `pyhomelab secret generate syncoid-dl3-ssh-key` "
            "and `git add` it, or set publicKey"
        ),
    ]


def test_keys_that_come_after_the_import_are_refused() -> None:
    module = host(f"{MIRROR} encrypted = true;", also="sops.useSystemdActivation = true;")

    assert refusals(module) == [
        (
            "homelab.zfs on dl1: the key of pool tank would be decrypted after the pool is imported, because "
            "sops.useSystemdActivation is on; turn it off, or set homelab.zfs.pools.tank.encrypted to false"
        ),
    ]
