"""Pools, datasets and DRBD volumes, by what OpenZFS 2.2 and drbd-utils 9 print of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.checks.asking import Here, asked, check_of, stand_in
from tests.modules.drbd_hosts import needs_drbdadm

if TYPE_CHECKING:
    from pathlib import Path

    from tests.labs import Changes

POOL = "pool tank is ONLINE"
FILES = {"hosts.dl1.zfs.tank.datasets": {"files": {"mountpoint": "/srv/files"}}}
COPY = "this copy of volume vmstore is UpToDate"
PEERS = "volume vmstore is connected to dl2 and dl3"
QUORUM = "volume vmstore has its quorum"
OLD = {"lab.drbd_version": "8.4", "volumes.vmstore.witness": None, "volumes.vmstore.quorum": "off"}
WHOLE = """vmstore role:Primary
  disk:UpToDate
  dl2 role:Secondary
    peer-disk:UpToDate
  dl3 role:Secondary
    peer-disk:Diskless"""
ALONE = """vmstore role:Primary suspended:quorum
  disk:UpToDate quorum:no
  dl2 connection:Connecting
  dl3 connection:Connecting"""


def zfs(tmp_path: Path, name: str, **programs: str) -> tuple[int, str]:
    (tmp_path / "zfs").mkdir()
    here = Here(stand_in(tmp_path / "bin", **programs), {"/sys/module/zfs": str(tmp_path / "zfs")})
    return asked(check_of("dl1", name, FILES), here)


def zpool(answer: str) -> str:
    return f'[ "$*" = "list -H -o health tank" ] || exit 2\n{answer}'


def test_a_pool_that_is_online_holds(tmp_path: Path) -> None:
    assert zfs(tmp_path, POOL, zpool=zpool("echo ONLINE")) == (0, "")


@pytest.mark.parametrize("health", ["DEGRADED", "FAULTED", "OFFLINE", "REMOVED", "SUSPENDED", "UNAVAIL"])
def test_a_pool_that_is_not_online_says_what_it_is(tmp_path: Path, health: str) -> None:
    assert zfs(tmp_path, POOL, zpool=zpool(f"echo {health}")) == (1, f"tank is {health}")


def test_a_pool_that_is_not_imported_fails(tmp_path: Path) -> None:
    said = "cannot open 'tank': no such pool"
    assert zfs(tmp_path, POOL, zpool=zpool(f'echo "{said}" >&2; exit 1')) == (1, said)


def test_a_dataset_is_mounted_or_not(tmp_path: Path) -> None:
    name = "dataset tank/files is mounted at /srv/files"
    answer = '[ "$*" = "get -H -o value mounted tank/files" ] || exit 2\ncat {}'
    (tmp_path / "mounted").write_text("yes\n")
    assert zfs(tmp_path, name, zfs=answer.format(tmp_path / "mounted")) == (0, "")
    (tmp_path / "mounted").write_text("no\n")
    here = Here(tmp_path / "bin", {"/sys/module/zfs": str(tmp_path / "zfs")})
    assert asked(check_of("dl1", name, FILES), here) == (1, "tank/files is not mounted")


def test_before_the_first_boot_with_zfs_nothing_is_judged(tmp_path: Path) -> None:
    here = Here(stand_in(tmp_path / "bin", zpool="exit 1"), {"/sys/module/zfs": str(tmp_path / "absent")})
    assert asked(check_of("dl1", POOL), here) == (69, "the running kernel has no ZFS: reboot")


def test_without_zfs_nothing_is_judged(tmp_path: Path) -> None:
    assert asked(check_of("dl1", POOL), Here(stand_in(tmp_path / "bin"), alone=True)) == (
        69,
        "there is no zpool here",
    )


def drbd(
    tmp_path: Path, name: str, answer: str, changes: Changes | None = None, *, loaded: str = "9.2.16"
) -> tuple[int, str]:
    (tmp_path / "version").write_text(f"{loaded}\n")
    here = Here(stand_in(tmp_path / "bin", drbdadm=answer), {"/sys/module/drbd/version": str(tmp_path / "version")})
    return asked(check_of("dl1", name, changes), here)


def says(command: str, *lines: str) -> str:
    return f'[ "$*" = "{command} vmstore" ] || exit 2\ncat <<END\n' + "\n".join(lines) + "\nEND"


@pytest.mark.parametrize("states", ["UpToDate/UpToDate/Diskless", "UpToDate/DUnknown/DUnknown"])
def test_a_copy_that_is_up_to_date_holds_whatever_the_peers_are(tmp_path: Path, states: str) -> None:
    assert drbd(tmp_path, COPY, says("dstate", states)) == (0, "")


@pytest.mark.parametrize("state", ["Inconsistent", "Outdated", "Consistent", "Diskless", "Failed", "DUnknown"])
def test_a_copy_that_is_behind_says_what_it_is(tmp_path: Path, state: str) -> None:
    assert drbd(tmp_path, COPY, says("dstate", f"{state}/UpToDate/Diskless")) == (1, f"this copy is {state}")


def test_a_volume_that_is_down_fails_with_the_words_of_drbd(tmp_path: Path) -> None:
    said = "vmstore: No such resource"
    for name in (COPY, PEERS, QUORUM):
        assert drbd(tmp_path, name, f"echo '{said}' >&2; exit 10") == (1, said)


def test_all_peers_are_connected(tmp_path: Path) -> None:
    assert drbd(tmp_path, PEERS, says("cstate", "Connected", "Connected")) == (0, "")


@pytest.mark.parametrize("state", ["Connecting", "StandAlone", "Disconnecting", "NetworkFailure", "Unconfigured"])
def test_a_peer_that_is_not_connected_is_told(tmp_path: Path, state: str) -> None:
    assert drbd(tmp_path, PEERS, says("cstate", "Connected", state)) == (
        1,
        f"a connection is {state}\nconnected to 1 of 2",
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("Connected", (0, "")),
        ("SyncTarget", (0, "")),
        ("VerifyS", (0, "")),
        ("WFConnection", (1, "a connection is WFConnection\nconnected to 0 of 1")),
        ("WFReportParams", (1, "a connection is WFReportParams\nconnected to 0 of 1")),
    ],
)
def test_a_resync_of_drbd_8_is_a_connection(tmp_path: Path, state: str, expected: tuple[int, str]) -> None:
    name = "volume vmstore is connected to dl2"
    assert drbd(tmp_path, name, says("cstate", state), OLD, loaded="8.4.11") == expected


def test_a_volume_with_a_quorum_takes_writes(tmp_path: Path) -> None:
    assert drbd(tmp_path, QUORUM, says("status", WHOLE)) == (0, "")
    assert drbd(tmp_path, QUORUM, says("status", ALONE)) == (
        1,
        "too few of its hosts are connected, so nobody may write here",
    )


@pytest.mark.parametrize(("loaded", "said"), [("8.4.11", "8.4.11"), ("", "not at all")])
def test_a_driver_that_comes_with_the_next_boot_is_not_judged(tmp_path: Path, loaded: str, said: str) -> None:
    assert drbd(tmp_path, COPY, "exit 1", loaded=loaded) == (69, f"the running kernel has DRBD {said}, not 9: reboot")


@needs_drbdadm
@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ("dstate", ["drbdsetup dstate 0"]),
        ("cstate", ["drbdsetup cstate vmstore 1", "drbdsetup cstate vmstore 2"]),
        ("status", ["drbdsetup status vmstore"]),
    ],
)
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="a name of one's own needs root")
def test_the_real_drbdadm_asks_what_the_checks_count_on(tmp_path: Path, command: str, calls: list[str]) -> None:
    disk = "volume 0 { device minor 0; disk /dev/null; meta-disk internal; }"
    hosts = [
        f"on dl{number} {{ node-id {number - 1}; address ipv4 10.0.0.{number}:7789; {volume} }}"
        for number, volume in ((1, disk), (2, disk), (3, "volume 0 { device minor 0; disk none; }"))
    ]
    resource = f"resource vmstore {{ {' '.join(hosts)} connection-mesh {{ hosts dl1 dl2 dl3; }} }}\n"
    (tmp_path / "drbd.conf").write_text(f"global {{ usage-count no; }}\n{resource}")
    text = f"hostname dl1; PATH=$PATH:/usr/sbin:/sbin; drbdadm -d -c {tmp_path}/drbd.conf {command} vmstore"
    done = subprocess.run(["unshare", "--uts", "sh", "-c", text], capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if line.startswith("drbdsetup ")] == calls
