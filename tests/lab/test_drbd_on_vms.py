"""A volume with two copies as the modules emit it, with DRBD and OpenZFS in kernels of their own.

The kernel of Debian brings DRBD 8.4, so the lab asks for that version: two copies, no witness and no quorum. The units, the
scripts and the resource file are those that are emitted for it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from pyhomelab.cli.main import program
from tests.lab.emitted import Emitted, boot, emitted, make_pools, put_on, start
from tests.lab.needs import missing_for_vms
from tests.lab.vm_lab import together, vms
from tests.lab.vm_steps import Steps
from tests.modules.zfs_hosts import needs_disko

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.vms import Vm

pytestmark = [
    needs_disko,
    pytest.mark.skipif(missing_for_vms() != "", reason=missing_for_vms() or "nothing is missing"),
    pytest.mark.mirrors("vm-drbd"),
]

DISK = "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_"
SERIALS = {"left": "WD-WCC7K0000301", "right": "WD-WCC7K0000401"}
INVENTORY = f"""
lab:
  name: pair
  timezone: UTC
  state_version: "26.05"
  drbd_version: "8.4"
  admins:
    - {{name: admin, ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG3HzUeTs6Inx2OA16yq6e3zLGqjAMWc+H/jsO6SUk53 pair]}}

networks:
  storage: {{cidr: 10.10.20.0/24}}

hosts:
  left:
    cpu_threads: 4
    memory: 8GiB
    boot: {{firmware: uefi, disk: /dev/disk/by-id/nvme-CT500P3SSD8_2240E6720001}}
    links: {{eno1: {{network: storage, address: 10.10.20.11}}}}
    zfs: {{tank: {{layout: stripe, disks: ["{DISK}{SERIALS["left"]}"], disk_size: 4TiB}}}}
  right:
    cpu_threads: 4
    memory: 8GiB
    boot: {{firmware: uefi, disk: /dev/disk/by-id/nvme-CT500P3SSD8_2240E6720002}}
    links: {{eno1: {{network: storage, address: 10.10.20.12}}}}
    zfs: {{tank: {{layout: stripe, disks: ["{DISK}{SERIALS["right"]}"], disk_size: 4TiB}}}}

volumes:
  data: {{size: 32MiB, on: tank, replicas: [left, right], quorum: "off", network: storage}}
"""
CONNECTED = {"left": "volume data is connected to right", "right": "volume data is connected to left"}
_PATIENCE = 120.0


@dataclass
class Volume:
    """The two hosts of the volume."""

    left: Vm
    right: Vm
    emitted: dict[str, Emitted]
    steps: Steps
    device: str


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:
    """Left and right, with a new volume that nobody has touched; use `volume`, which hands them over whole."""
    lab = tmp_path_factory.mktemp("pair")
    (lab / "inventory.yaml").write_text(INVENTORY)
    done = CliRunner().invoke(program, ["gen", str(lab)])
    assert done.exit_code == 0, done.output
    machines = emitted({name: lab / name for name in SERIALS})

    def installed(vm: Vm) -> None:
        put_on(vm, machines[vm.name])
        make_pools(vm, machines[vm.name])
        start(vm, machines[vm.name])

    addresses = {"left": "10.10.20.11/24", "right": "10.10.20.12/24"}
    with vms({name: (addresses[name], {serial: 256}) for name, serial in SERIALS.items()}) as up:
        together(installed, up.values())
        minor = up["left"].said("sed -n 's/^.*device minor \\([0-9]*\\);.*$/\\1/p' /run/secrets/rendered/drbd-data.res")
        made = Volume(up["left"], up["right"], machines, Steps(lab, "drbd"), f"/dev/drbd{minor.split()[0]}")
        together(made.steps.verify, up.values())
        yield made


@pytest.fixture
def volume(pair: Volume) -> Volume:
    """Both hosts on, both copies the newest, nobody uses the volume; what is on it is from the tests before."""
    for vm in (pair.left, pair.right):
        if not vm.is_on or vm.run("systemctl is-active homelab-drbd-data", check=False).returncode != 0:
            vm.lose_power()
            boot(vm, pair.emitted[vm.name])
            pair.steps.verify(vm)
    return pair


def take(vm: Vm, device: str) -> None:
    """Be the host that uses the volume, as soon as DRBD lets it."""
    until = time.monotonic() + _PATIENCE
    while (done := vm.run("drbdadm primary data", check=False)).returncode != 0:
        assert time.monotonic() < until, done.stdout
        time.sleep(0.5)
    vm.run(f"blkid {device} >/dev/null || mkfs.ext4 -q {device}; mkdir -p /mnt/data; mount {device} /mnt/data")


def leave(vm: Vm) -> None:
    """Use the volume no more."""
    vm.run("umount /mnt/data; drbdadm secondary data")


def write(vm: Vm, text: str) -> None:
    vm.run(f"echo {text} >/mnt/data/file; sync")


def read(vm: Vm) -> str:
    return vm.said("cat /mnt/data/file")


def until_cut(*machines: Vm) -> None:
    """Wait until each machine has noticed that its peer is away."""
    for vm in machines:
        vm.run("until [ $(drbdadm cstate data) != Connected ]; do sleep 0.5; done", timeout=_PATIENCE)


def test_a_new_volume_is_ready_without_copying_and_nobody_typed_anything(volume: Volume) -> None:
    said = volume.left.said("journalctl --output=cat --unit=homelab-drbd-data-first-sync")
    assert "data: all 2 copies are new and equal; the volume is ready" in said.splitlines()
    assert volume.left.said("drbdadm dstate data") == "UpToDate/UpToDate"
    assert volume.left.said("zfs get -H -o value volsize,volmode,refreservation tank/drbd/data") == "32M\ndev\nnone"


def test_what_is_written_on_one_host_is_read_on_the_other(volume: Volume) -> None:
    take(volume.left, volume.device)
    write(volume.left, "first")
    assert volume.right.run("drbdadm primary data", check=False).returncode != 0
    leave(volume.left)
    take(volume.right, volume.device)
    assert read(volume.right) == "first"
    leave(volume.right)


def test_a_deploy_takes_over_what_changed_on_the_host_that_uses_the_volume_and_on_the_one_that_does_not(
    volume: Volume,
) -> None:
    take(volume.left, volume.device)
    write(volume.left, "in use")
    for vm in (volume.left, volume.right):
        vm.run("systemctl reload homelab-drbd-data")
        volume.steps.verify(vm)
    assert read(volume.left) == "in use"
    leave(volume.left)


def test_when_the_host_that_writes_loses_its_power_the_other_goes_on_and_later_nobody_settles_anything(
    volume: Volume,
) -> None:
    take(volume.left, volume.device)
    write(volume.left, "second")
    volume.left.lose_power()
    take(volume.right, volume.device)
    assert read(volume.right) == "second"
    write(volume.right, "third")
    assert volume.steps.failing(volume.right) == {CONNECTED["right"]: "connected to 0 of 1"}
    boot(volume.left, volume.emitted["left"])
    together(volume.steps.verify, (volume.left, volume.right))
    leave(volume.right)
    take(volume.left, volume.device)
    assert read(volume.left) == "third"
    leave(volume.left)


def test_a_disk_that_was_replaced_by_a_blank_one_is_filled_from_the_peer(volume: Volume) -> None:
    take(volume.right, volume.device)
    write(volume.right, "kept")
    volume.left.lose_power()
    volume.left.disk(SERIALS["left"]).unlink()
    volume.left.resume()
    put_on(volume.left, volume.emitted["left"])
    make_pools(volume.left, volume.emitted["left"])
    start(volume.left, volume.emitted["left"])
    together(volume.steps.verify, (volume.left, volume.right))
    assert volume.left.run("test -e /var/lib/homelab-drbd/data.new", check=False).returncode != 0
    leave(volume.right)
    take(volume.left, volume.device)
    assert read(volume.left) == "kept"
    leave(volume.left)


def test_copies_that_are_equal_are_found_equal_and_a_byte_that_changed_below_is_found(volume: Volume) -> None:
    compare, deep = "systemctl start homelab-drbd-data-verify.service", replace(volume.steps, deep=True)
    volume.left.run(compare)
    deep.verify(volume.left)
    volume.right.run("drbdadm down data")
    volume.right.run("echo changed | dd of=/dev/zvol/tank/drbd/data bs=1M seek=20 conv=notrunc oflag=sync status=none")
    volume.right.run("drbdadm up data")
    volume.steps.verify(volume.right)
    below = "dd if=/dev/zvol/tank/drbd/data bs=1M skip=20 count=1 iflag=direct status=none | tr -d '\\0'"
    assert volume.right.said(f"{below} | head -n 1") == "changed"
    assert volume.left.run(compare, check=False).returncode != 0
    said = volume.left.said("journalctl --output=cat --lines=6 --unit=homelab-drbd-data-verify.service")
    assert "data: 4 KiB differ between the copies" in said
    assert list(deep.failing(volume.left)) == ["the copies of volume data are equal"]
    # As the message says: the copy of the host that uses the volume is the one that counts.
    take(volume.left, volume.device)
    volume.left.run("drbdadm disconnect data; drbdadm connect data")
    volume.left.run("until drbdsetup status data --verbose --statistics | grep -q out-of-sync:0; do sleep 0.5; done")
    assert volume.right.run(f"{below} | grep --quiet changed", check=False).returncode == 1
    leave(volume.left)


def test_a_cable_that_is_out_is_told_by_both_sides_and_what_they_write_apart_is_kept_until_a_person_decides(
    volume: Volume,
) -> None:
    volume.left.unplug_cable()
    until_cut(volume.left, volume.right)
    for vm in (volume.left, volume.right):
        assert volume.steps.failing(vm) == {CONNECTED[vm.name]: "connected to 0 of 1"}
        take(vm, volume.device)
        write(vm, f"of-{vm.name}")
    volume.left.plug_in_cable()
    for vm in (volume.left, volume.right):
        vm.run("until [ $(drbdadm cstate data) = StandAlone ]; do sleep 0.5; done", timeout=_PATIENCE)
        assert volume.steps.failing(vm) == {CONNECTED[vm.name]: "connected to 0 of 1"}
        assert read(vm) == f"of-{vm.name}"
    leave(volume.right)
    volume.right.run("drbdadm connect --discard-my-data data")
    volume.left.run("drbdadm connect data")
    together(volume.steps.verify, (volume.left, volume.right))
    leave(volume.left)
    take(volume.right, volume.device)
    assert read(volume.right) == "of-left"
    leave(volume.right)
