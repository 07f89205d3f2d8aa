"""Guests of an inventory on a real libvirt: without KVM, and with files for volumes, but with their own units and programs."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.allocation.identity import guest_uuid
from pyhomelab.checks import checks_of
from pyhomelab.inventory.load import load
from tests.lab import boot_sector
from tests.lab.hosts import lab
from tests.lab.hypervisor import missing_for_guests
from tests.lab.libvirt_image import libvirt_image
from tests.lab.patience import TookTooLong, wait_for
from tests.lab.tower import IMAGE, MIB, Driven, Tower, subtest
from tests.modules.sources import ROOT
from tests.test_vm_steps import steps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    pytest.mark.mirrors("vm-kvm"),
    pytest.mark.xdist_group("guests"),
    pytest.mark.skipif(missing_for_guests() != "", reason=missing_for_guests() or "nothing is missing"),
]

VOLUME = "var/lib/volumes/tank/guests/lodger-data"
UNIT = "homelab-guest-lodger"
LODGER: dict[str, Any] = {
    "on": "tower",
    "cpus": "1",
    "memory": "64MiB",
    "firmware": "bios",
    "disks": {"root": {"size": "4MiB", "file": f"/{IMAGE}"}, "data": {"size": "8MiB", "on": "tank"}},
    "links": {"lan": {"address": "192.168.14.21"}},
}
# It finds nothing to boot, and hears no request to shut down.
DEAF = {
    "on": "tower",
    "cpus": "1",
    "memory": "128MiB",
    "disk": {"size": "1MiB", "file": "/srv/images/deaf.qcow2"},
    "links": {"lan": {"address": "192.168.14.22"}},
}
RUNS_ON = (
    "guest lodger runs on as it was started; `systemctl restart homelab-guest-lodger` gives it its new definition "
    "(a reboot from inside does not)"
)


@pytest.fixture(scope="module")
def started() -> Iterator[LabHost]:
    with lab(["tower"], libvirt_image()) as hosts:
        yield hosts["tower"]


@pytest.fixture
def tower(started: LabHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tower:
    """A new host, with a system on the disk that its guest will have."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(f"IdentityFile {started.key}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    started.erase()
    made = Tower(started, tmp_path)
    made.install()
    return made


def test_a_guest_of_the_inventory_boots_and_counts_on_its_disk(tower: Tower) -> None:
    tower.has({"lodger": LODGER})

    assert tower.ticks().boots == 1
    assert tower.hypervisor.said("lodger") == [
        f"guest lodger: grew the image /{IMAGE} to 4M",
        "guest lodger: made the volume tank/guests/lodger-data of 8M",
        "guest lodger: started",
    ]
    assert [(tower.host.disk / disk).stat().st_size for disk in (IMAGE, VOLUME)] == [4 * MIB, 8 * MIB]
    virsh = tower.hypervisor.virsh
    assert virsh("list --name --state-running") == "lodger"
    assert virsh("list --all --autostart --name") == ""
    assert virsh("domuuid lodger") == guest_uuid("test", "lodger")
    assert [line.split() for line in virsh("domblklist lodger").splitlines()] == [
        ["vda", f"/{IMAGE}"],
        ["vdb", "/dev/zvol/tank/guests/lodger-data"],
    ]
    assert virsh("domiflist lodger").split()[1:4] == ["bridge", "br-lan", "virtio"]
    console = tower.host.disk / "var/log/libvirt/qemu/lodger-console.log"
    assert boot_sector.GREETING in console.read_text(errors="replace")
    assert tower.failing() == {}
    assert tower.host.said("systemctl --failed --plain --no-legend") == ""


def test_a_guest_that_runs_without_a_system_counts_nothing(tower: Tower) -> None:
    (tower.host.disk / IMAGE).write_bytes(bytes(MIB))
    tower.has({"lodger": LODGER})

    assert tower.hypervisor.virsh("list --name") == "lodger"
    with pytest.raises(TookTooLong):
        tower.ticks(seconds=3)


def test_a_guest_is_shut_down_before_its_host_is_and_started_with_it(tower: Tower) -> None:
    tower.has({"lodger": LODGER})
    tower.ticks()

    tower.host.reboot()

    counted = tower.ticks()
    assert (counted.boots, counted.requests) == (2, 1)
    wait_for(lambda: tower.failing() == {})
    assert tower.hypervisor.said("lodger") == ["guest lodger: started"]


def test_a_guest_is_started_when_its_host_has_power_again(tower: Tower) -> None:
    tower.has({"lodger": LODGER})
    tower.ticks()

    tower.host.lose_power()
    tower.host.power_on()
    tower.host.reachable()

    counted = tower.ticks()
    assert (counted.boots, counted.requests) == (2, 0)


def test_the_checks_of_a_guest_fail_when_it_is_off_or_a_disk_is_gone(tower: Tower) -> None:
    tower.has({"lodger": LODGER})
    tower.ticks()

    tower.hypervisor.virsh("destroy lodger")
    assert tower.failing() == {"guest lodger is running": "it is shut off (destroyed)"}

    tower.host.run(f"systemctl restart {UNIT}")
    assert tower.failing() == {}
    assert tower.ticks().boots == 2

    tower.host.run("rm /dev/zvol/tank/guests/lodger-data")
    assert tower.failing() == {"the disks of guest lodger are there": "/dev/zvol/tank/guests/lodger-data is not there"}


def test_a_libvirt_that_does_not_answer_fails_every_check_that_asks_it_and_its_guests_run_on(tower: Tower) -> None:
    tower.has({"lodger": LODGER})
    before = tower.ticks()

    tower.host.run("systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service")
    assert tower.failing().keys() == {"libvirt answers", "guest lodger is running"}
    assert tower.ticks().boots == before.boots

    tower.host.run("systemctl start libvirtd.service")
    assert tower.failing() == {}
    assert tower.ticks().boots == before.boots


def test_a_guest_that_changes_runs_on_and_has_what_is_new_when_it_is_restarted(tower: Tower) -> None:
    tower.has({"lodger": LODGER})
    tower.ticks()
    virsh = tower.hypervisor.virsh
    larger = {**LODGER["disks"], "data": {"size": "16MiB", "on": "tank"}}

    tower.has({"lodger": {**LODGER, "memory": "96MiB", "disks": larger}})

    assert tower.ticks().boots == 1
    assert tower.hypervisor.said("lodger")[-2:] == [
        "guest lodger: grew the volume tank/guests/lodger-data to 16M",
        RUNS_ON,
    ]
    assert memory(virsh("dominfo lodger")) == 64
    assert virsh("domblkinfo lodger vdb").split()[1] == str(16 * MIB)

    tower.host.run(f"systemctl restart {UNIT}")

    counted = tower.ticks()
    assert (counted.boots, counted.requests) == (2, 1)
    assert memory(virsh("dominfo lodger")) == 96


def memory(dominfo: str) -> int:
    (line,) = [line for line in dominfo.splitlines() if line.startswith("Max memory:")]
    return int(line.split()[2]) // 1024


def test_a_guest_that_leaves_is_shut_down_and_forgotten_and_finds_its_disks_when_it_is_back(tower: Tower) -> None:
    tower.has({"lodger": LODGER})
    tower.ticks()
    volume = tower.host.disk / VOLUME
    volume.write_bytes(b"kept" + bytes(8 * MIB - 4))

    tower.has({})

    assert tower.hypervisor.virsh("list --all --name") == ""
    left = tower.counted()
    assert (left.boots, left.requests) == (1, 1)
    assert tower.host.said("journalctl --quiet --output=cat --identifier=homelab-guests-forget") == (
        f"guest lodger left the inventory and is forgotten; its disks stay: /{IMAGE} /dev/zvol/tank/guests/lodger-data"
    )

    tower.has({"lodger": LODGER})

    counted = tower.ticks()
    assert (counted.boots, counted.requests) == (2, 1)
    assert volume.read_bytes()[:4] == b"kept"


def test_a_guest_that_does_not_hear_has_its_plug_pulled_in_time_and_keeps_its_uefi_variables(tower: Tower) -> None:
    settings = "homelab.kvm.shutdownTimeout = 3;"
    tower.has({"lodger": LODGER, "deaf": DEAF}, settings)
    tower.ticks()
    console = tower.host.disk / "var/log/libvirt/qemu/deaf-console.log"
    wait_for(lambda: "BdsDxe" in console.read_text(errors="replace"))
    began = time.monotonic()

    tower.has({"lodger": LODGER}, settings)

    assert time.monotonic() - began < 30
    assert tower.hypervisor.said("deaf")[-1] == "guest deaf did not shut down within 3 s: its plug is pulled"
    assert tower.hypervisor.virsh("list --all --name") == "lodger"
    assert tower.counted().requests == 0
    kept = tower.host.said("ls /srv/images /var/lib/libvirt/qemu/nvram").split()
    assert {"deaf.qcow2", "deaf_VARS.fd"} <= set(kept)


NEEDS_KVM = 'tower.succeed("test -c /dev/kvm")\n'


def test_the_script_of_the_vm_test_runs_to_its_end_here_but_for_kvm_itself(tower: Tower) -> None:
    hypervisor = ROOT / "vm-tests/labs/hypervisor"
    expression = f"(import {ROOT}/vm-tests/kvm.nix).testScript"
    done = subprocess.run(
        ["nix-instantiate", "--eval", "--json", "--expr", expression], capture_output=True, text=True, check=True
    )
    script: str = json.loads(done.stdout)
    assert script.count(NEEDS_KVM) == 1
    tower.hypervisor.switch(f"{{ imports = [ {hypervisor}/tower ]; homelab.kvm.shutdownTimeout = 1; }}")
    (tower.host.disk / "etc/homelab").mkdir()
    make_pools = tower.host.disk / "etc/homelab/make-pools"
    make_pools.write_text("#!/bin/sh\n")
    make_pools.chmod(0o755)
    tower.host.lose_power()
    checks = [check for check in checks_of(load(hypervisor))["tower"] if check.role == "kvm"]
    names = steps(*checks, machine="tower") | {"tower": Driven(tower.host), "subtest": subtest}

    exec(script.replace(NEEDS_KVM, ""), names)  # noqa: S102 - as the driver does

    assert tower.hypervisor.virsh("list --name") == "lodger"
