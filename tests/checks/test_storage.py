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


ERRORS = "pool tank has no errors"
SCRUBBED = "pool tank was read in full in the last 40 days, without errors"
FILLED = "pool tank is filled to less than 90 %"
SICK = """  pool: tank
 state: ONLINE
status: One or more devices has experienced an error resulting in data
\tcorruption.  Applications may be affected.
action: Restore the file in question if possible.
config:

\ttank        ONLINE       0     0     0

errors: 1 data errors, use '-v' for a list"""


def status(scan: str) -> str:
    text = (
        f"  pool: tank\n state: ONLINE\n{scan}config:\n\n\ttank        ONLINE       0     0     0\n\nerrors: No known"
    )
    return f'[ "$*" = "status tank" ] || exit 2\ncat <<END\n{text} data errors\nEND'


def ago(days: int) -> str:
    done = subprocess.run(
        ["date", "-d", f"-{days} days"], capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}
    )
    words = done.stdout.split()
    return f"{words[0]} {words[1]} {words[2]:>2} {words[3]} {words[-1]}"


def test_a_pool_without_errors_holds_and_one_with_errors_says_which(tmp_path: Path) -> None:
    asks = '[ "$*" = "status -x tank" ] || exit 2\n'
    assert zfs(tmp_path, ERRORS, zpool=f"{asks}echo \"pool 'tank' is healthy\"") == (0, "")
    (tmp_path / "zfs").rmdir()
    said = "One or more devices has experienced an error resulting in data\n1 data errors, use '-v' for a list"
    assert zfs(tmp_path, ERRORS, zpool=f'{asks}cat <<"END"\n{SICK}\nEND') == (1, said)


@pytest.mark.parametrize(
    ("scan", "days", "expected"),
    [
        ("scrub repaired 0B in 02:13:01 with 0 errors on", 3, (0, "")),
        ("resilvered 1.2G in 00:10:00 with 0 errors on", 39, (0, "")),
        ("scrub in progress since", 90, (0, "")),
        ("scrub repaired 4K in 02:13:01 with 7 errors on", 3, (1, "it found errors: {scan}")),
        ("scrub repaired 0B in 02:13:01 with 0 errors on", 41, (1, "{scan}")),
        ("scrub canceled on", 1, (1, "the last one came to no end: {scan}")),
        ("scrub paused since", 1, (1, "the last one came to no end: {scan}")),
    ],
)
def test_a_pool_is_read_in_full_every_month(tmp_path: Path, scan: str, days: int, expected: tuple[int, str]) -> None:
    code, said = expected
    scan = f"{scan} {ago(days)}"
    assert zfs(tmp_path, SCRUBBED, zpool=status(f"  scan: {scan}\n")) == (code, said.format(scan=scan))


@pytest.mark.parametrize("scan", ["", "  scan: none requested\n"])
@pytest.mark.parametrize(("days", "expected"), [(39, (0, "")), (41, (1, "it never was"))])
def test_a_new_pool_has_time_for_its_first_scrub(
    tmp_path: Path, scan: str, days: int, expected: tuple[int, str]
) -> None:
    creation = f'[ "$*" = "get -H -p -o value creation tank" ] || exit 2\ndate -d "-{days} days" +%s'
    assert zfs(tmp_path, SCRUBBED, zpool=status(scan), zfs=creation) == expected


@pytest.mark.parametrize(
    ("used", "expected"), [("89", (0, "")), ("90", (1, "90 % of tank is used")), ("97%", (1, "97 % of tank is used"))]
)
def test_a_pool_that_is_nearly_full_is_told(tmp_path: Path, used: str, expected: tuple[int, str]) -> None:
    answer = f'[ "$*" = "list -H -p -o capacity tank" ] || exit 2\necho {used}'
    assert zfs(tmp_path, FILLED, zpool=answer) == expected


@pytest.mark.parametrize("name", [ERRORS, SCRUBBED, FILLED])
def test_a_pool_that_is_gone_is_not_passed(tmp_path: Path, name: str) -> None:
    said = "cannot open 'tank': no such pool"
    assert zfs(tmp_path, name, zpool=f'echo "{said}" >&2; exit 1') == (1, said)


EQUAL = "the copies of volume vmstore are equal"
UNIT = "homelab-drbd-vmstore-verify"
COMPARED = {
    ("timer", "LoadState"): "loaded",
    ("timer", "ActiveState"): "active",
    ("timer", "LastTriggerUSec"): "Sun 2026-11-01 04:00:00 UTC",
    ("service", "ActiveState"): "inactive",
    ("service", "Result"): "success",
    ("service", "ExecMainExitTimestamp"): "",
}


def compared(tmp_path: Path, differing: str = "0", **changes: str) -> tuple[int, str]:
    """Ask for a comparison of which systemd tells these properties, and DRBD this many KiB that differ."""
    told = COMPARED | {(key.split("_")[0], key.split("_")[1]): value for key, value in changes.items()}
    rows = "\n".join(
        f'"show --property={name} --value -- {UNIT}.{unit}") echo "{value}" ;;' for (unit, name), value in told.items()
    )
    status = (
        f"vmstore node-id:0 role:Primary\n  volume:0 disk:UpToDate\n  dl2 role:Secondary\n    out-of-sync:{differing}"
    )
    (tmp_path / "version").write_text("9.2.16\n")
    programs = stand_in(
        tmp_path / "bin",
        systemctl=f'case "$*" in\n{rows}\n*) exit 2 ;;\nesac',
        drbdadm="exit 2",
        drbdsetup=f'[ "$*" = "status vmstore --verbose --statistics" ] || exit 2\ncat <<END\n{status}\nEND',
        journalctl=f'[ "$5" = "_SYSTEMD_UNIT={UNIT}.service" ] || exit 2\necho "vmstore: 12 KiB differ"',
    )
    return asked(check_of("dl1", EQUAL), Here(programs, {"/sys/module/drbd/version": str(tmp_path / "version")}))


def test_copies_that_were_compared_are_equal(tmp_path: Path) -> None:
    assert compared(tmp_path) == (0, "")
    by_hand = {"timer_LastTriggerUSec": "n/a", "service_ExecMainExitTimestamp": "Sun 2026-11-01 04:00:00 UTC"}
    assert compared(tmp_path, **by_hand) == (0, "")
    assert compared(tmp_path, differing="4096", service_ActiveState="activating") == (0, "")


def test_copies_that_differ_are_told_even_after_a_restart(tmp_path: Path) -> None:
    assert compared(tmp_path, differing="4096") == (1, "the copies differ, in KiB: out-of-sync:4096")
    assert compared(tmp_path, service_Result="exit-code") == (1, "the last comparison failed\nvmstore: 12 KiB differ")


@pytest.mark.parametrize("never", ["", "n/a"])
def test_copies_that_nobody_compared_are_not_called_equal(tmp_path: Path, never: str) -> None:
    assert compared(tmp_path, timer_LastTriggerUSec=never) == (69, "they were not compared yet")


def test_a_comparison_that_nothing_starts_is_told(tmp_path: Path) -> None:
    assert compared(tmp_path, timer_ActiveState="inactive") == (1, f"{UNIT}.timer is not active")
    assert compared(tmp_path, timer_LoadState="not-found") == (69, f"there is no {UNIT}.timer here")


def test_only_the_host_that_starts_the_comparison_is_asked_for_it() -> None:
    for host in ("dl2", "dl3"):
        with pytest.raises(AssertionError):
            check_of(host, EQUAL)
    with pytest.raises(AssertionError):
        check_of("dl1", EQUAL, {"volumes.vmstore.verify": None})
