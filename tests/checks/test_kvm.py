"""Guests, by the real virsh where it is there: libvirt's own test driver has a guest called test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.checks.asking import Here, asked, check_of, needs, stand_in

if TYPE_CHECKING:
    from pathlib import Path

needs_virsh = needs("virsh", "libvirt-clients")
# The checks ask for the system's guests; here they are given those of the test driver.
TEST_DRIVER = '[ "$1 $2" = "-c qemu:///system" ] || exit 2\nshift 2\nexec /usr/bin/virsh -c test:///default "$@"'
GUEST = {
    "guests.test": {
        "on": "dl1", "cpus": "1", "memory": "1GiB", "disk": {"size": "10GiB", "on": "tank"},
        "links": {"lan": {"address": "192.168.10.41"}},
    }
}  # fmt: skip
ANYWHERE = {
    "guests.nas": {
        "on": "anywhere", "cpus": "1", "memory": "1GiB", "disk": {"volume": "vmstore"},
        "links": {"lan": {"address": "192.168.10.40"}},
    }
}  # fmt: skip
RUNS = "guest k8s-1 is running"


@needs_virsh
def test_a_libvirt_that_answers_holds(tmp_path: Path) -> None:
    assert asked(check_of("dl1", "libvirt answers"), Here(stand_in(tmp_path / "bin", virsh=TEST_DRIVER))) == (0, "")


@needs_virsh
def test_a_libvirt_that_cannot_be_reached_says_why(tmp_path: Path) -> None:
    nowhere = "shift 2; exec /usr/bin/virsh -c qemu+unix:///system?socket=/nowhere"
    code, said = asked(check_of("dl1", "libvirt answers"), Here(stand_in(tmp_path / "bin", virsh=f'{nowhere} "$@"')))
    assert code == 1
    assert "Failed to connect socket to '/nowhere'" in said


@needs_virsh
def test_a_guest_that_runs_holds(tmp_path: Path) -> None:
    here = Here(stand_in(tmp_path / "bin", virsh=TEST_DRIVER))
    assert asked(check_of("dl1", "guest test is running", GUEST), here) == (0, "")


@needs_virsh
def test_a_guest_that_nobody_defined_fails_with_the_words_of_libvirt(tmp_path: Path) -> None:
    code, said = asked(check_of("dl1", RUNS), Here(stand_in(tmp_path / "bin", virsh=TEST_DRIVER)))
    assert code == 1
    assert "failed to get domain 'k8s-1'" in said


@pytest.mark.parametrize(
    "state", ["shut off (destroyed)", "paused (I/O error)", "crashed (panicked)", "in shutdown (user)"]
)
def test_a_guest_that_does_not_run_says_what_it_does(tmp_path: Path, state: str) -> None:
    here = Here(stand_in(tmp_path / "bin", virsh=f"echo '{state}'; echo"))
    assert asked(check_of("dl1", RUNS), here) == (1, f"it is {state}")


def placed() -> str:
    """The host that the guest on a volume was given to."""
    for host in ("dl1", "dl2"):
        try:
            check_of(host, "guest nas is running", ANYWHERE)
        except AssertionError:
            continue
        return host
    raise AssertionError("the guest is on no host")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            "vmstore role:Secondary\n  disk:UpToDate\n  dl2 role:Primary\n    peer-disk:UpToDate",
            (68, "another host has its volume vmstore open, so it may run there"),
        ),
        (
            "vmstore role:Primary\n  disk:UpToDate\n  dl2 role:Secondary\n    peer-disk:UpToDate",
            (1, "it is shut off (unknown)"),
        ),
    ],
)
def test_a_guest_that_may_run_where_its_volume_is_open_is_not_judged(
    tmp_path: Path, status: str, expected: tuple[int, str]
) -> None:
    programs = stand_in(tmp_path / "bin", virsh="echo 'shut off (unknown)'", drbdadm=f"cat <<END\n{status}\nEND")
    assert asked(check_of(placed(), "guest nas is running", ANYWHERE), Here(programs)) == expected


def test_without_libvirt_nothing_is_judged(tmp_path: Path) -> None:
    here = Here(stand_in(tmp_path / "bin"), alone=True)
    assert asked(check_of("dl1", RUNS), here) == (69, "there is no virsh here")


def test_disks_of_guests_that_are_not_there_are_named(tmp_path: Path) -> None:
    disks = {"root": {"size": "10GiB", "on": "tank"}, "files": {"size": "1GiB", "file": f"{tmp_path}/files.raw"}}
    changes = {"guests.test": GUEST["guests.test"] | {"disk": None, "disks": disks, "autostart": False}}
    check = check_of("dl1", "the disks of guest test are there", changes)
    here = Here(stand_in(tmp_path / "bin"), {"/dev/zvol/tank": str(tmp_path)})
    zvol = next(line for line in check.script.splitlines() if "/dev/zvol/" in line).partition("/dev/zvol/tank/")[2]
    assert asked(check, here) == (1, f"{tmp_path}/{zvol} is not there\n{tmp_path}/files.raw is not there")
    (tmp_path / zvol).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / zvol).symlink_to("/dev/null")  # a device, as a zvol is
    assert asked(check, here) == (1, f"{tmp_path}/files.raw is not there")
    (tmp_path / "files.raw").touch()
    assert asked(check, here) == (0, "")


def test_the_disk_of_a_guest_that_is_a_volume_is_asked_for_by_its_device() -> None:
    assert "/dev/drbd/by-res/vmstore/0" in check_of(placed(), "the disks of guest nas are there", ANYWHERE).script
