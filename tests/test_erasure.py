"""Which disks installing a machine erases, and every reason not to: any doubt is one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.installing.erasure import Excuse, judge, left_out, wanted_disks
from pyhomelab.installing.owners import partition_label
from pyhomelab.installing.standing import PoolLabel
from tests.bare import BY_ID, GIB, disk, nic, part, seen
from tests.labs import REMOVED, lab
from tests.modules.harness import evaluate, needs_nixpkgs_lib

if TYPE_CHECKING:
    from pyhomelab.facts.machine import Disk
    from pyhomelab.installing.erasure import Judgement
    from tests.labs import Changes

SYSTEM, ONE, TWO = (f"{BY_ID}ata-{name}" for name in ("SYSTEM_1", "DATA_11", "DATA_12"))
NAME = f"{SYSTEM} (system disk, /dev/sda)"
DATA = f"{ONE} (pool tank, /dev/sdb)"
DEVICES = (SYSTEM, ONE, TWO)
MEANT = {
    "sda": disk("sda", "ata-SYSTEM_1"),
    "sdb": disk("sdb", "ata-DATA_11", "wwn-0x1"),
    "sdc": disk("sdc", "ata-DATA_12"),
}
Spoilt = dict[str, Any]


def judged(
    disks: dict[str, Disk] = MEANT, changes: Changes | None = None, excuse: Excuse = Excuse.NONE, **machine: Any
) -> Judgement:
    """What is thought of installing dl1 on a machine with these disks; `facts` are changed, the rest is what runs."""
    inventory = lab(changes)
    wanted = wanted_disks(inventory, "dl1", DEVICES)
    return judge(inventory, "dl1", wanted, seen(disks.values(), **machine), excuse)


def changed(name: str, **changes: Any) -> dict[str, Disk]:
    """The disks that are meant, one of them changed."""
    return {**MEANT, name: replace(MEANT[name], **changes)}


def test_the_disks_of_the_inventory_are_found_on_the_machine_and_nothing_speaks_against_it() -> None:
    found = judged()
    assert found.reasons == ()
    assert [(one.wanted.path, one.wanted.role, one.disk.name, one.holds) for one in found.doomed] == [
        (SYSTEM, "system disk", "sda", ()),
        (ONE, "pool tank", "sdb", ()),
        (TWO, "pool tank", "sdc", ()),
    ]
    assert found.identity == f"{ONE}=SERIAL-sdb {TWO}=SERIAL-sdc {SYSTEM}=SERIAL-sda"


def test_disks_that_the_inventory_does_not_name_are_left_alone() -> None:
    found = judged({**MEANT, "sdd": disk("sdd", "ata-OTHER", uses=("mounted at /mnt",))})
    assert (found.reasons, [one.disk.name for one in found.doomed]) == ((), ["sda", "sdb", "sdc"])


@pytest.mark.parametrize(
    ("disks", "reason"),
    [
        (
            {name: one for name, one in MEANT.items() if name != "sda"},
            f"{SYSTEM} (system disk) is not a disk of it; there are {ONE} (120GiB INTEL SSDSC2BB120G4) and {TWO} (120GiB INTEL SSDSC2BB120G4)",
        ),
        (
            {**MEANT, "sdd": disk("sdd", "ata-SYSTEM_1")},
            f"{SYSTEM} (system disk) is the name of /dev/sda and /dev/sdd at once: name them by serial number or wwn",
        ),
        (
            {"sda": disk("sda", "ata-SYSTEM_1", "ata-DATA_11"), "sdc": MEANT["sdc"]},
            f"{ONE} and {SYSTEM} are the same disk (/dev/sda): it can be named only once",
        ),
        (changed("sda", uses=("mounted at /",)), f"{NAME} is in use: mounted at /"),
        (changed("sda", uses=("active swap",)), f"{NAME} is in use: active swap"),
        (changed("sdb", uses=("in the imported pool old",)), f"{DATA} is in use: in the imported pool old"),
        (
            changed("sdb", uses=("a volume group of LVM is active",)),
            f"{DATA} is in use: a volume group of LVM is active",
        ),
        (changed("sdb", uses=("in the active array md0",)), f"{DATA} is in use: in the active array md0"),
        (
            changed("sda", uses=("the medium that the machine booted from (sda1)",)),
            f"{NAME} is in use: the medium that the machine booted from (sda1)",
        ),
        (changed("sda", read_only=True), f"{NAME} cannot be written to"),
        (changed("sda", removable=True), f"{NAME} is removable: pull it out, or name another disk"),
        (changed("sda", size=6 * GIB), f"{NAME} has 6GiB, and the system needs 7GiB on it"),
        (
            changed("sdb", filesystem="drbd"),
            f"{DATA} holds a replica of a DRBD volume: `wipefs` on the machine says that it may go",
        ),
        (
            changed("sdb", parts=(part("sdb1", "drbd"),)),
            f"{DATA} holds a replica of a DRBD volume: `wipefs` on the machine says that it may go",
        ),
    ],
)
def test_a_disk_that_is_not_free_for_it_is_not_erased(disks: dict[str, Disk], reason: str) -> None:
    assert judged(disks).reasons == (reason,)


def test_a_removable_disk_is_erased_where_the_inventory_names_one() -> None:
    name = f"{BY_ID}usb-STICK-0:0"
    inventory = lab(
        {
            "hosts.dl1.boot.disk": name,
            "hosts.dl1.zfs": REMOVED,
            "volumes": REMOVED,
            "guests": REMOVED,
            "clusters": REMOVED,
        }
    )
    stick = disk("sda", "usb-STICK-0:0", removable=True)
    found = judge(inventory, "dl1", wanted_disks(inventory, "dl1", [name]), seen([stick]), Excuse.NONE)
    assert found.reasons == ()


@pytest.mark.parametrize(
    ("key", "stated", "disks", "fits"),
    [
        ("boot.disk_size", "120GiB", MEANT, True),
        ("boot.disk_size", "119GiB", MEANT, True),
        ("boot.disk_size", "130GiB", MEANT, False),
        ("boot.disk_size", "100GiB", MEANT, False),
        ("zfs.tank.disk_size", "120GiB", MEANT, True),
        ("zfs.tank.disk_size", "100GiB", MEANT, True),
        ("zfs.tank.disk_size", "894GiB", MEANT, False),
    ],
)
def test_a_disk_has_the_size_that_the_inventory_states(
    key: str,
    stated: str,
    disks: dict[str, Disk],
    fits: bool,  # noqa: FBT001 - a column
) -> None:
    names = [NAME] if key.startswith("boot") else [DATA, f"{TWO} (pool tank, /dev/sdc)"]
    said = tuple(f"{name} has 120GiB, and the inventory says {stated}: is it the right disk?" for name in names)
    assert judged(disks, {f"hosts.dl1.{key}": stated}).reasons == (() if fits else said)


def test_swap_counts_for_what_the_system_needs() -> None:
    assert judged(changed("sda", size=20 * GIB), {"hosts.dl1.boot.swap": "16GiB"}).reasons == (
        f"{NAME} has 20GiB, and the system needs 23GiB on it",
    )


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"architecture": "aarch64"}, "its processor is aarch64, and the inventory says x86_64: is it dl1?"),
        (
            {"firmware": "uefi"},
            "it was started by UEFI, and the inventory says bios: choose that in its firmware setup, or correct `firmware`",
        ),
        ({"memory": 16 * GIB}, "it has 16GiB of memory, and the inventory says 36GiB: is it dl1?"),
        ({"cpu_threads": 1}, "it has 1 CPU thread, and the inventory says 16: is it dl1?"),
        (
            {"nics": (nic("eno1"),)},
            "it has no network card eno2 (link eno2), and could not be reached when it is installed; there are eno1",
        ),
        (
            {"missing": ("its disks: there is no lsblk (util-linux)",)},
            "it could not tell its disks: there is no lsblk (util-linux)",
        ),
    ],
)
def test_a_machine_that_is_not_the_one_that_is_meant_is_not_installed(facts: dict[str, Any], reason: str) -> None:
    assert judged(facts=facts).reasons == (reason,)


def test_a_card_that_the_inventory_knows_by_its_address_is_looked_for_by_that() -> None:
    changes = {"hosts.dl1.links.eno2.mac": "52:54:00:aa:bb:cc"}
    there = {"nics": (nic("eno1"), nic("eth7", "52:54:00:AA:BB:CC"))}
    assert judged(changes=changes, facts=there).reasons == ()
    assert judged(changes=changes).reasons == (
        "it has no network card with the MAC address 52:54:00:aa:bb:cc (link eno2): is it dl1?",
    )


def test_cards_of_a_bond_are_all_looked_for() -> None:
    link = {"network": "storage", "address": "10.10.20.11", "bond": {"members": ["eno2", "eno3"]}}
    assert judged(
        changes={"hosts.dl1.links": {"eno1": {"network": "lan", "address": "192.168.10.11"}, "bond0": link}}
    ).reasons == (
        "it has no network card eno3 (link bond0), and could not be reached when it is installed; there are eno1, eno2 and enp3s0",
    )


@pytest.mark.parametrize(
    ("runs", "reasons"),
    [
        (
            {"is_installer": False, "hostname": "dl1"},
            ["it runs as dl1 already: `pyhomelab deploy --host dl1` brings it up to date"],
        ),
        (
            {"is_installer": False, "hostname": "dl2"},
            ["it runs as dl2, another machine of the lab: correct the address"],
        ),
        (
            {"is_installer": False, "is_nixos": False, "hostname": "rescue", "runs": "Debian GNU/Linux 13 (trixie)"},
            [
                "it runs Debian GNU/Linux 13 (trixie) (rescue), not an installer: start it from the installer image, "
                "or give --kexec to have it leave that for an installer in memory"
            ],
        ),
    ],
)
def test_a_machine_that_runs_something_is_not_installed_over_it(runs: dict[str, Any], reasons: list[str]) -> None:
    assert list(judged(**runs).reasons) == reasons


def test_what_uses_the_disks_of_a_machine_that_leaves_its_system_does_not_count_yet() -> None:
    debian: dict[str, Any] = {"is_installer": False, "is_nixos": False, "hostname": "rescue"}
    used = changed("sda", uses=("mounted at /",))
    assert judged(used, excuse=Excuse.WHAT_RUNS, facts={"nics": (nic("eth0"),)}, **debian).reasons == ()
    assert judged(used, facts={"nics": (nic("eno1"), nic("eno2"))}).reasons == (f"{NAME} is in use: mounted at /",)


@pytest.mark.parametrize(
    ("use", "excused_by"),
    [
        ("mounted at / (sda1)", {Excuse.WHAT_RUNS}),
        ("mounted at /mnt/boot (sda1)", {Excuse.WHAT_RUNS, Excuse.AN_EARLIER_TRY}),
        ("active swap (sda2)", {Excuse.WHAT_RUNS, Excuse.AN_EARLIER_TRY}),
        ("member of the imported pool rpool (sda3)", {Excuse.WHAT_RUNS, Excuse.AN_EARLIER_TRY}),
        ("part of the array md0 (sda1)", {Excuse.WHAT_RUNS}),
        ("the medium that the machine booted from (sda1)", set()),
    ],
)
def test_what_may_use_a_disk_depends_on_what_was_done_before(use: str, excused_by: set[Excuse]) -> None:
    found = {excuse: judged(changed("sda", uses=(use,)), excuse=excuse).reasons for excuse in Excuse}
    assert found == {excuse: () if excuse in excused_by else (f"{NAME} is in use: {use}",) for excuse in Excuse}


@pytest.mark.parametrize("host", ["dl1", "dl2"])
def test_a_machine_of_the_lab_that_runs_cannot_leave_it_to_be_installed(host: str) -> None:
    assert len(judged(excuse=Excuse.WHAT_RUNS, is_installer=False, hostname=host).reasons) == 1


@pytest.mark.parametrize("label", ["root", "esp", "zfs"])
def test_the_system_of_another_machine_of_the_lab_is_not_erased(label: str) -> None:
    disks = changed("sda", parts=(part("sda1"),))
    found = judged(disks, part_labels={"sda1": f"dl2-{label}"})
    assert found.reasons == (f"{NAME} holds the system of dl2: is it the right machine, and the right disk?",)
    assert found.doomed[0].holds == ("the system of dl2", "ext4")


def test_an_earlier_system_of_the_machine_itself_is_shown_and_may_go() -> None:
    found = judged(
        changed("sda", parts=(part("sda1", "vfat"), part("sda2"))), part_labels={"sda1": "dl1-esp", "sda2": "dl1-root"}
    )
    assert (found.reasons, found.doomed[0].holds) == ((), ("the system of dl1", "vfat", "ext4"))


def test_a_pool_that_another_machine_of_the_lab_had_last_is_not_erased() -> None:
    disks = changed("sdb", parts=(part("sdb1", "zfs_member", "tank"),))
    found = judged(disks, pools=(PoolLabel("sdb1", "tank", "dl2"),))
    assert found.reasons == (
        f"{DATA} is part of the pool tank of dl2: if that has no more use for it, `zpool labelclear` says so",
    )
    assert found.doomed[1].holds == ("ZFS pool tank of dl2",)


@pytest.mark.parametrize("owner", ["dl1", "nixos", "truenas", ""])
def test_any_other_pool_is_shown_with_its_owner_and_may_go(owner: str) -> None:
    disks = changed("sdb", parts=(part("sdb1", "zfs_member", "tank"),))
    found = judged(disks, pools=(PoolLabel("sdb1", "tank", owner),))
    assert (found.reasons, found.doomed[1].holds) == ((), (f"ZFS pool tank of {owner}" if owner else "ZFS pool tank",))


def test_a_filesystem_on_the_bare_disk_is_shown_with_its_label() -> None:
    assert judged(changed("sda", filesystem="ext4", label="Photos")).doomed[0].holds == ("ext4 Photos",)


def test_all_reasons_are_said_at_once() -> None:
    found = judged(
        changed("sda", read_only=True, removable=True, uses=("mounted at /", "active swap")),
        facts={"architecture": "aarch64", "memory": GIB},
    )
    assert len(found.reasons) == 6


def test_what_extra_nix_adds_is_erased_only_if_it_is_a_disk_with_a_lasting_name() -> None:
    inventory = lab()
    wanted = wanted_disks(inventory, "dl1", [*DEVICES, f"{BY_ID}ata-MORE", "/dev/sdd"])
    assert [one.role for one in wanted[3:]] == ["named in extra.nix"] * 2
    more = disk("sdd", "ata-MORE")
    found = judge(inventory, "dl1", wanted, seen([*MEANT.values(), more]), Excuse.NONE)
    assert [reason.partition(";")[0] for reason in found.reasons] == [
        "/dev/sdd (named in extra.nix) is not a disk of it"
    ]
    assert found.doomed[3].disk == more


def test_disks_that_the_layout_leaves_out_are_named() -> None:
    assert left_out(lab(), "dl1", [SYSTEM, TWO]) == (ONE,)
    assert left_out(lab(), "dl1", DEVICES) == ()
    assert left_out(lab(), "k8s-1", []) == ()


def test_every_disk_of_a_pool_has_a_role_whatever_it_is_for() -> None:
    names = {kind: f"{BY_ID}ata-{kind}" for kind in ("special1", "special2", "log", "cache", "spare")}
    pool = {
        "special": [{"layout": "mirror", "disks": [names["special1"], names["special2"]]}],
        "log": [{"layout": "stripe", "disks": [names["log"]]}],
        "cache": [names["cache"]],
        "spares": [names["spare"]],
    }
    changes: Changes = {f"hosts.dl1.zfs.tank.{key}": value for key, value in pool.items()}
    inventory = lab(changes)
    wanted = wanted_disks(inventory, "dl1", [*DEVICES, *names.values()])
    assert [one.role for one in wanted] == ["system disk", *["pool tank"] * 7]


def test_a_guest_has_its_first_virtual_disk_erased() -> None:
    inventory = lab()
    virtual = disk("vda", "virtio-root", size=60 * GIB)
    wanted = wanted_disks(inventory, "k8s-1", [f"{BY_ID}virtio-root"])
    good = seen([virtual], facts={"firmware": "uefi"})
    assert judge(inventory, "k8s-1", wanted, good, Excuse.NONE).reasons == ()
    small = seen([replace(virtual, size=20 * GIB)], facts={"firmware": "uefi"})
    assert judge(inventory, "k8s-1", wanted, small, Excuse.NONE).reasons == (
        f"{BY_ID}virtio-root (system disk, /dev/vda) has 20GiB, and the inventory says 60GiB: is it the right disk?",
    )


@needs_nixpkgs_lib
@pytest.mark.parametrize("name", ["dl1", "a" * 31, "a" * 32, "a" * 63])
def test_partitions_are_known_by_the_labels_that_the_modules_give_them(name: str) -> None:
    machine = f"""{{
      networking.hostName = "{name}";
      homelab.systemDisk = {{ enable = true; device = "/dev/disk/by-id/x"; firmware = "bios"; swapSize = "1G"; }};
    }}"""
    labels = evaluate(machine, "lib.mapAttrs (_: one: one.label) config.disko.devices.disk.system.content.partitions")
    assert labels == {kind: partition_label(name, kind) for kind in ("grub", "root", "swap")}
