"""What is decided about disks, on real ones: mounted, swapped to, in a pool, of another machine; in a kernel of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyhomelab.facts import answer as hostfacts
from pyhomelab.installing import standing
from pyhomelab.installing.erasure import Excuse, judge, wanted_disks
from pyhomelab.installing.meant import Seen
from pyhomelab.shell import Done
from tests.lab.needs import missing_for_vms
from tests.lab.vm_lab import vms
from tests.labs import REMOVED, lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.installing.erasure import Judgement
    from tests.lab.vms import Vm
    from tests.labs import Changes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("disks of a virtual machine"),  # all on the same ones
    pytest.mark.skipif(missing_for_vms() != "", reason=missing_for_vms() or "nothing is missing"),
]

SYSTEM, ONE, TWO = (f"/dev/disk/by-id/virtio-{name}" for name in ("SYSTEM", "ONE", "TWO"))
CHANGES: Changes = {
    "guests": REMOVED,
    "clusters": REMOVED,
    "hosts.dl1.cpu_threads": "1",
    "hosts.dl1.memory": "256MiB",
    "hosts.dl1.boot.disk": SYSTEM,
    "hosts.dl1.zfs.tank.disks": [ONE, TWO],
}


@pytest.fixture(scope="module")
def machine() -> Iterator[Vm]:
    with vms({"one": ("", {"SYSTEM": 8192, "ONE": 256, "TWO": 256})}) as up:
        up["one"].run("hostname nixos")
        yield up["one"]


def told(machine: Vm, script: str) -> Done:
    """What the machine answers to a script."""
    done = machine.run(script, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def judged(machine: Vm) -> Judgement:
    """What is thought of erasing its disks for dl1."""
    facts = hostfacts.facts_of("dl1", told(machine, hostfacts.SCRIPT))
    runs = standing.standing_of("dl1", told(machine, standing.SCRIPT))
    inventory = lab(CHANGES)
    wanted = wanted_disks(inventory, "dl1", (SYSTEM, ONE, TWO))
    return judge(inventory, "dl1", wanted, Seen(facts, runs), Excuse.NONE)


def of_disks(found: Judgement) -> list[str]:
    """The reasons that are about disks, without the kernel's names."""
    return [reason for reason in found.reasons if reason.startswith("/dev/disk/by-id")]


def names(role: str, device: str) -> str:
    """What a disk is called."""
    return f"{({'vdb': SYSTEM, 'vdc': ONE, 'vdd': TWO})[device]} ({role}, /dev/{device})"


def test_blank_disks_are_found_by_their_lasting_names_and_are_free(machine: Vm) -> None:
    found = judged(machine)
    assert [(one.wanted.path, one.disk.serial, one.holds) for one in found.doomed] == [
        (SYSTEM, "SYSTEM", ()),
        (ONE, "ONE", ()),
        (TWO, "TWO", ()),
    ]
    assert of_disks(found) == []
    assert found.reasons[0].startswith("it runs Debian GNU/Linux 13 (trixie) (nixos), not an installer: ")


def test_disks_that_are_mounted_swapped_to_or_in_a_pool_are_in_use(machine: Vm) -> None:
    machine.run(f"mkfs.ext4 -q -L Photos {SYSTEM} && mkdir -p /photos && mount {SYSTEM} /photos")
    machine.run(f"mkswap {TWO} && swapon {TWO} && zpool create -O mountpoint=none old {ONE}")
    try:
        found = judged(machine)
        assert of_disks(found) == [
            f"{names('system disk', 'vdb')} is in use: mounted at /photos (vdb)",
            f"{names('pool tank', 'vdc')} is in use: member of the imported pool old (vdc1)",
            f"{names('pool tank', 'vdd')} is in use: active swap (vdd)",
        ]
    finally:
        machine.run(f"umount /photos; swapoff {TWO}; zpool export old")
    after = judged(machine)
    assert of_disks(after) == []
    assert [one.holds for one in after.doomed] == [("ext4 Photos",), ("ZFS pool old of nixos",), ("swap",)]


def test_what_another_machine_of_the_lab_has_on_a_disk_is_seen(machine: Vm) -> None:
    machine.run(f"wipefs -qa {ONE}1 {ONE}-part1 {ONE} {SYSTEM} {TWO} || true; udevadm settle")
    machine.run(f"hostname dl2; zpool create -f -O mountpoint=none tank {ONE}; zpool export tank; hostname nixos")
    machine.run(f"sgdisk --zap-all --new=1:0:0 --change-name=1:dl3-root {SYSTEM} && udevadm settle")
    found = judged(machine)
    assert of_disks(found) == [
        f"{names('system disk', 'vdb')} holds the system of dl3: is it the right machine, and the right disk?",
        f"{names('pool tank', 'vdc')} is part of the pool tank of dl2: if that has no more use for it, `zpool labelclear` says so",
    ]
    assert [one.holds for one in found.doomed[:2]] == [("the system of dl3",), ("ZFS pool tank of dl2",)]
