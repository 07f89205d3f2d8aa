from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.modules.harness import needs_nixpkgs_lib
from tests.modules.kvm_guests import guest, machine, needs
from tests.modules.kvm_host import Host, libvirtd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    needs_nixpkgs_lib,
    needs("libvirt-clients", "virsh"),
    needs("libvirt-daemon", "libvirtd"),
    needs("qemu-utils", "qemu-img"),
    needs("jq", "jq"),
]

GIB = 1024**3
MIB = 1024**2
VOLUME = "tank/guests/k8s-1-root"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with libvirtd() as uri:
        made = Host(tmp_path, uri)
        made.switch(machine(guest()))
        yield made


def virtual_size(image: Path, form: str) -> int:
    said = subprocess.run(
        ["qemu-img", "info", "-f", form, "--output=json", str(image)], capture_output=True, text=True, check=True
    )
    size: int = json.loads(said.stdout)["virtual-size"]
    return size


# Images


@pytest.mark.parametrize("form", ["raw", "qcow2"])
def test_a_missing_image_is_made_with_its_directory(host: Host, tmp_path: Path, form: str) -> None:
    image = tmp_path / "not yet" / "it's 100% $HOME.img"

    done = host.run("homelab-guest-disk", "file", "k8s-1", form, image, "64M")

    assert (done.code, done.err) == (0, "")
    assert done.out == f"guest k8s-1: made the image {image} of 64M\n"
    assert virtual_size(image, form) == 64 * MIB
    assert list(image.parent.iterdir()) == [image]


@pytest.mark.parametrize("form", ["raw", "qcow2"])
def test_an_image_smaller_than_asked_is_grown(host: Host, tmp_path: Path, form: str) -> None:
    image = tmp_path / "k8s-1.img"
    host.run("homelab-guest-disk", "file", "k8s-1", form, image, "32M")

    done = host.run("homelab-guest-disk", "file", "k8s-1", form, image, "64M")

    assert done.out == f"guest k8s-1: grew the image {image} to 64M\n"
    assert virtual_size(image, form) == 64 * MIB


def test_growing_an_image_keeps_what_is_in_it(host: Host, tmp_path: Path) -> None:
    image = tmp_path / "k8s-1.raw"
    image.write_bytes(b"precious" * 128)

    host.run("homelab-guest-disk", "file", "k8s-1", "raw", image, "1M")

    assert image.read_bytes()[:1024] == b"precious" * 128


@pytest.mark.parametrize("form", ["raw", "qcow2"])
def test_an_image_larger_than_asked_is_left_as_it_is(host: Host, tmp_path: Path, form: str) -> None:
    image = tmp_path / "k8s-1.img"
    host.run("homelab-guest-disk", "file", "k8s-1", form, image, "64M")
    before = image.read_bytes()

    done = host.run("homelab-guest-disk", "file", "k8s-1", form, image, "32M")

    assert (done.code, done.out) == (
        0,
        f"guest k8s-1: {image} has {64 * MIB} bytes, more than the {32 * MIB} asked for; disks are never shrunk\n",
    )
    assert image.read_bytes() == before


def test_an_image_of_the_size_asked_for_is_not_touched(host: Host, tmp_path: Path) -> None:
    image = tmp_path / "k8s-1.qcow2"
    host.run("homelab-guest-disk", "file", "k8s-1", "qcow2", image, "64M")
    before = image.stat()

    done = host.run("homelab-guest-disk", "file", "k8s-1", "qcow2", image, "64M")

    assert (done.code, done.out, done.err) == (0, "", "")
    assert image.stat() == before


def test_a_creation_that_was_cut_short_does_not_pass_for_the_disk(host: Host, tmp_path: Path) -> None:
    image = tmp_path / "k8s-1.qcow2"
    (tmp_path / "k8s-1.qcow2.new").write_bytes(b"half of a header")

    host.run("homelab-guest-disk", "file", "k8s-1", "qcow2", image, "64M")

    assert virtual_size(image, "qcow2") == 64 * MIB


def test_a_raw_image_that_looks_like_qcow2_is_measured_as_raw(host: Host, tmp_path: Path) -> None:
    image = tmp_path / "k8s-1.raw"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "64G"], check=True)

    done = host.run("homelab-guest-disk", "file", "k8s-1", "raw", image, "1M")

    assert done.out == f"guest k8s-1: grew the image {image} to 1M\n"
    assert image.stat().st_size == MIB


def test_an_image_of_another_format_is_refused(host: Host, tmp_path: Path) -> None:
    image = tmp_path / "k8s-1.img"
    image.write_bytes(b"a file system" * 1000)

    done = host.run("homelab-guest-disk", "file", "k8s-1", "qcow2", image, "64M")

    assert done.code != 0
    assert "not in qcow2 format" in done.err
    assert image.read_bytes() == b"a file system" * 1000


def running_with(host: Host, image: Path) -> None:
    host.switch(machine(guest(disks=f'name = "root"; kind = "file"; source = "{image}"; size = "32M";')))
    assert host.do("homelab-guest-k8s-1").code == 0
    assert "k8s-1" in host.running()


def test_a_running_guest_is_told_of_its_larger_image_by_libvirt(host: Host, tmp_path: Path) -> None:
    image = tmp_path / "k8s-1.raw"
    running_with(host, image)

    host.run("homelab-guest-disk", "file", "k8s-1", "raw", image, "64M")

    assert host.calls("virsh")[-1] == ["-q", "blockresize", "k8s-1", str(image), f"{64 * MIB}B"]
    assert virtual_size(image, "raw") == 32 * MIB  # qemu-img kept away; libvirt's QEMU would have grown it


def test_a_disk_that_a_running_guest_does_not_have_yet_is_grown_at_once(host: Host, tmp_path: Path) -> None:
    running_with(host, tmp_path / "k8s-1.raw")
    another = tmp_path / "data.raw"
    host.run("homelab-guest-disk", "file", "k8s-1", "raw", another, "32M")

    host.run("homelab-guest-disk", "file", "k8s-1", "raw", another, "64M")

    assert virtual_size(another, "raw") == 64 * MIB


def test_a_disk_without_a_size_must_be_there(host: Host, tmp_path: Path) -> None:
    missing = host.run("homelab-guest-disk", "present", "k8s-1", tmp_path / "k8s-1.raw")
    (tmp_path / "k8s-1.raw").touch()
    there = host.run("homelab-guest-disk", "present", "k8s-1", tmp_path / "k8s-1.raw")

    assert (missing.code, missing.err) == (
        1,
        (
            f"guest k8s-1: {tmp_path}/k8s-1.raw is missing and has no size to make it by; "
            "put the image there or set size\n"
        ),
    )
    assert (there.code, there.err) == (0, "")


# Volumes


def test_a_missing_volume_is_made_thin_and_closed_to_the_host(host: Host) -> None:
    done = host.run("homelab-guest-disk", "zvol", "k8s-1", VOLUME, "60G")

    assert (done.code, done.out) == (0, f"guest k8s-1: made the volume {VOLUME} of 60G\n")
    assert host.calls("zfs") == [
        ["list", "-H", "-o", "name", "--", VOLUME],
        ["create", "-p", "-s", "-V", "60G", "-o", "volmode=dev", "--", VOLUME],
    ]


def test_a_volume_is_waited_for_after_it_is_made(host: Host) -> None:
    host.run("homelab-guest-disk", "zvol", "k8s-1", VOLUME, "60G")
    late = host.run("homelab-guest-disk", "zvol", "k8s-1", VOLUME, "60G", NO_DEVICES="1")

    waited = ["wait", "--timeout=60", "--", f"/dev/zvol/{VOLUME}"]
    assert host.calls("udevadm") == [waited, waited]
    assert (late.code, late.err) == (
        1,
        (
            f"guest k8s-1: /dev/zvol/{VOLUME} did not appear within 60 s; "
            "is the pool imported, is the DRBD resource up?\n"
        ),
    )


@pytest.mark.parametrize(
    ("size", "calls"),
    [
        ("60G", []),
        ("59G", []),
        ("1T", [["set", "volsize=1T", VOLUME]]),
    ],
)
def test_a_volume_is_only_ever_grown(host: Host, size: str, calls: list[list[str]]) -> None:
    host.volume(VOLUME, str(60 * GIB))

    done = host.run("homelab-guest-disk", "zvol", "k8s-1", VOLUME, size)

    assert done.code == 0
    assert [call for call in host.calls("zfs") if call[0] not in {"list", "get"}] == calls


def test_a_volume_larger_than_asked_is_spoken_of(host: Host) -> None:
    host.volume(VOLUME, str(60 * GIB))

    assert host.run("homelab-guest-disk", "zvol", "k8s-1", VOLUME, "59G").out == (
        f"guest k8s-1: /dev/zvol/{VOLUME} has {60 * GIB} bytes, more than the {59 * GIB} asked for; "
        "disks are never shrunk\n"
    )


def test_a_running_guest_is_told_of_its_larger_volume(host: Host) -> None:
    host.do("homelab-guest-k8s-1")

    done = host.run("homelab-guest-disk", "zvol", "k8s-1", VOLUME, "80G")

    assert done.out == f"guest k8s-1: grew the volume {VOLUME} to 80G\n"
    assert host.volume(VOLUME) == str(80 * GIB)
    assert host.calls("virsh")[-1] == ["-q", "blockresize", "k8s-1", f"/dev/zvol/{VOLUME}", f"{80 * GIB}B"]


def test_a_guest_that_is_off_needs_no_telling(host: Host) -> None:
    host.volume(VOLUME, str(60 * GIB))

    host.run("homelab-guest-disk", "zvol", "k8s-1", VOLUME, "80G")

    assert not any("blockresize" in call for call in host.calls("virsh"))


def test_a_file_system_is_not_taken_for_a_volume(host: Host) -> None:
    host.volume(VOLUME, "-")

    done = host.run("homelab-guest-disk", "zvol", "k8s-1", VOLUME, "60G")

    assert (done.code, done.err) == (
        1,
        f"guest k8s-1: {VOLUME} is a file system, not a volume; rename it or give the disk another dataset\n",
    )


def test_a_program_called_wrongly_says_how_it_is_called(host: Host) -> None:
    done = host.run("homelab-guest-disk", "destroy", "k8s-1", VOLUME)

    assert (done.code, done.err) == (1, "usage: homelab-guest-disk zvol|file|present GUEST …\n")
    assert host.calls("zfs") == []
