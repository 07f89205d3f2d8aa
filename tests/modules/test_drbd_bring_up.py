from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.modules.drbd_disk import BRING_UP, MIB, SIZE, Host, minor_of
from tests.modules.drbd_hosts import DRBDADM, DRIVERS, needs_drbdadm
from tests.modules.standins import Outcome, run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = needs_drbdadm


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Path]:
    """A blank block device of 32 MiB."""
    image = tmp_path / "image"
    image.write_bytes(b"")
    os.truncate(image, SIZE)
    made = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no loop device to be had (root and the module loop are needed): {made.stderr.strip()}")
    found = Path(made.stdout.strip())
    yield found
    subprocess.run(["losetup", "--detach", str(found)], check=True)
    Path(f"/var/lib/drbd/drbd-minor-{minor_of(found)}.lkbd").unlink(missing_ok=True)


@pytest.fixture
def dl1(tmp_path: Path, device: Path) -> Host:
    return Host(tmp_path, device)


def written(outcome: Outcome) -> list[list[str]]:
    return outcome.called("drbdadm", "create-md")


# A new host


def test_a_blank_zvol_gets_metadata_and_comes_up(dl1: Host) -> None:
    done = dl1.bring_up()

    assert done.status == 0, done.said
    assert written(done) == [["drbdadm", "create-md", "--max-peers=7", "vmstore"]]
    assert done.called("drbdadm")[-2:] == [["drbdadm", "up", "vmstore"], ["drbdadm", "dstate", "vmstore"]]
    assert "New drbd meta data block successfully created." in done.said
    assert dl1.new


def test_a_missing_zvol_is_made_sparse(dl1: Host) -> None:
    dl1.zvol = False
    done = dl1.bring_up()

    assert done.status == 0, done.said
    assert done.called("zfs", "create") == [
        ["zfs", "create", "-p", "-s", "-o", "volmode=dev", "-V", "32M", "tank/drbd/vmstore"],
    ]
    assert "vmstore: made the zvol tank/drbd/vmstore of 32M\n" in done.said


def test_8_4_knows_no_number_of_peers(dl1: Host) -> None:
    dl1.version = "8.4"
    done = dl1.bring_up()

    assert done.status == 0, done.said
    assert written(done) == [["drbdadm", "create-md", "vmstore"]]


def test_a_disk_without_a_zvol_of_ours_is_used_as_it_is(dl1: Host) -> None:
    done = dl1.bring_up(backing=False)

    assert done.status == 0, done.said
    assert done.called("zfs") == []
    assert len(written(done)) == 1


def test_a_witness_only_comes_up(dl1: Host) -> None:
    done = dl1.bring_up(witness=True)

    assert done.status == 0, done.said
    assert done.calls == [["drbdadm", "status", "vmstore"], ["drbdadm", "up", "vmstore"]]


# Again


def test_a_reboot_finds_its_metadata_and_leaves_it_alone(dl1: Host) -> None:
    dl1.bring_up()
    before = (dl1.directory / "image").read_bytes()
    dl1.restarted()
    done = dl1.bring_up()

    assert done.status == 0, done.said
    assert written(done) == []
    assert ["drbdadm", "up", "vmstore"] in done.calls
    assert (dl1.directory / "image").read_bytes() == before


def test_metadata_that_a_power_cut_left_unclean_is_kept(dl1: Host) -> None:
    dl1.bring_up()
    # The flag that says the activity log was written back, in the last 4 KiB of the device.
    with dl1.device.open("r+b") as disk:
        disk.seek(SIZE - 4096 + 56)
        disk.write(bytes(4))
    dl1.restarted()
    done = dl1.bring_up()

    assert done.status == 0, done.said
    assert written(done) == []
    assert ["drbdadm", "up", "vmstore"] in done.calls


def test_the_power_cut_of_that_test_is_one_that_drbdadm_sees(dl1: Host) -> None:
    dl1.bring_up()
    with dl1.device.open("r+b") as disk:
        disk.seek(SIZE - 4096 + 56)
        disk.write(bytes(4))

    read = subprocess.run(
        [str(DRBDADM), "-c", str(dl1.configured()), "dump-md", "vmstore"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | {"DRBD_DRIVER_VERSION_OVERRIDE": DRIVERS["9"], "__DRBD_NODE__": "dl1"},
    )
    assert read.returncode != 0
    assert 'Found meta data is "unclean", please apply-al first' in read.stdout


def test_a_volume_that_is_up_takes_over_what_changed(dl1: Host) -> None:
    dl1.bring_up()
    done = dl1.bring_up()

    assert done.status == 0, done.said
    assert done.called("drbdadm", "adjust") == [["drbdadm", "adjust", "vmstore"]]
    assert done.called("drbdadm", "up") == []
    assert done.called("drbdadm", "dump-md") == []


def test_a_witness_that_gets_a_disk_is_given_metadata_while_it_is_up(dl1: Host) -> None:
    dl1.restarted("Diskless/UpToDate")
    done = dl1.bring_up()

    assert done.status == 0, done.said
    assert len(written(done)) == 1
    assert done.called("drbdadm", "adjust") == [["drbdadm", "adjust", "vmstore"]]


# Refusals


def refused(dl1: Host) -> str:
    """The last thing said by a script that gave up and wrote nothing to the disk."""
    before = (dl1.directory / "image").read_bytes()
    done = dl1.bring_up()

    assert done.status == 3, done.said
    assert written(done) == []
    assert done.called("drbdadm", "up") == []
    assert not dl1.new
    assert (dl1.directory / "image").read_bytes() == before
    return done.said.splitlines()[-1]


def foreign(device: Path) -> str:
    return (
        f"vmstore: {device} holds something that is not DRBD's, so it is left alone; if nobody needs it, "
        f"empty it with `blkdiscard -f {device}` and start homelab-drbd-vmstore again"
    )


def test_a_file_system_is_left_alone(dl1: Host) -> None:
    subprocess.run(["/sbin/mkfs.ext4", "-q", dl1.device], check=True)

    assert refused(dl1) == foreign(dl1.device)


@pytest.mark.parametrize("place", [0, 3 * MIB, SIZE - 3 * MIB, SIZE - 512])
def test_data_that_nobody_knows_is_left_alone(dl1: Host, place: int) -> None:
    with dl1.device.open("r+b") as disk:
        disk.seek(place)
        disk.write(b"a database without a signature")

    assert refused(dl1) == foreign(dl1.device)


def test_metadata_of_the_other_drbd_is_left_alone(dl1: Host) -> None:
    dl1.version = "8.4"
    dl1.bring_up()
    (dl1.state / "vmstore.new").unlink()
    dl1.restarted()
    dl1.version = "9"

    assert refused(dl1) == foreign(dl1.device)


def test_a_dataset_that_is_no_volume_is_left_alone(dl1: Host) -> None:
    dl1.kind = "filesystem"

    assert refused(dl1) == (
        "vmstore: tank/drbd/vmstore is a filesystem, not a volume; rename it, or give the volume another dataset"
    )


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ("Input/output error", 3, "drbdadm cannot read {}, so nothing is done to it: Input/output error"),
        ("open({}) failed: No such file or directory", 1, "{} is not there at the moment"),
    ],
    ids=["is left alone", "because it is away is tried again"],
)
def test_a_disk_that_cannot_be_read(dl1: Host, said: str, status: int, told: str) -> None:
    answer = said.format(dl1.device)
    standins = {"drbdadm": f'case $1 in status) false ;; dump-md) echo "{answer}"; exit 20 ;; esac'}
    done = run(
        BRING_UP,
        dl1.directory,
        standins,
        {
            "RESOURCE": "vmstore",
            "MINOR": "0",
            "VERSION": "9",
            "DISK": str(dl1.device),
            "DATASET": "",
            "SIZE": "",
            "STATE_DIRECTORY": str(dl1.directory),
        },
    )

    assert (done.status, done.said) == (status, f"vmstore: {told.format(dl1.device)}\n")
    assert written(done) == []


def test_a_disk_that_does_not_appear_is_waited_for_and_tried_again(dl1: Host) -> None:
    dl1.disk = "/dev/zvol/tank/drbd/vmstore"
    done = dl1.bring_up()

    assert done.status == 1
    assert len(done.called("sleep", "1")) == 30
    assert done.said == "vmstore: /dev/zvol/tank/drbd/vmstore did not appear\n"


# Size


def grown(dl1: Host, shown: int, state: str = "UpToDate/UpToDate") -> Outcome:
    """A run on a volume that is up, where DRBD shows `shown` bytes."""
    dl1.restarted(state)
    (dl1.state / "shown").write_text(f"{shown}\n")
    done = dl1.bring_up()
    assert done.status == 0, done.said
    return done


def test_a_zvol_grows_and_the_volume_with_it(dl1: Host) -> None:
    dl1.size = "64M"
    done = grown(dl1, SIZE - 100_000)

    assert done.called("zfs", "set") == [["zfs", "set", "volsize=64M", "tank/drbd/vmstore"]]
    assert done.called("drbdadm", "resize") == [["drbdadm", "resize", "vmstore"]]


def test_a_zvol_is_never_made_smaller(dl1: Host) -> None:
    dl1.volsize = 64 * MIB
    done = grown(dl1, 64 * MIB - 100_000)

    assert done.called("zfs", "set") == []
    assert done.called("drbdadm", "resize") == []
    assert done.said == (
        "vmstore: tank/drbd/vmstore has 67108864 bytes, more than the 32M configured; a volume is never made smaller\n"
    )


def test_the_room_that_metadata_takes_is_not_growth(dl1: Host) -> None:
    assert grown(dl1, SIZE - 100_000).called("drbdadm", "resize") == []


def test_a_volume_grows_later_when_its_peer_has(dl1: Host) -> None:
    dl1.size, dl1.volsize = "64M", 64 * MIB

    assert len(grown(dl1, SIZE - 100_000).called("drbdadm", "resize")) == 1


def test_a_copy_that_is_not_up_to_date_is_not_resized(dl1: Host) -> None:
    dl1.size, dl1.volsize = "64M", 64 * MIB

    assert grown(dl1, SIZE - 100_000, "Inconsistent/UpToDate").called("drbdadm", "resize") == []
