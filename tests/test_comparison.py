"""A machine against its entry: every difference is said, what was not told is none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyhomelab.facts.comparison import comparison, stated
from pyhomelab.model import Host
from tests.recordings import REPORT, machine

if TYPE_CHECKING:
    from pyhomelab.facts.machine import Facts

from pyhomelab.facts.facter import read_report

SYSTEM = "/dev/disk/by-id/ata-VB0250EAVER_Z3TH0001"
FIRST = "/dev/disk/by-id/ata-WDC_WD20EARS-00MVWB0_WD-WMAZA0000001"
SECOND = "/dev/disk/by-id/ata-WDC_WD20EARS-00MVWB0_WD-WMAZA0000002"
NAS = machine("bios-2010")
CARD = "there is enp2s0 (3c:4a:92:00:00:01, tg3, 1000 Mbit/s, now 10.0.0.5/24)"
MERGE = "`pyhomelab facts --merge` writes what the machine says"


def host(**changes: Any) -> Host:
    """Give the entry of the machine as it is, with changes."""
    entry = {
        "cpu_threads": "2",
        "memory": "8GiB",
        "boot": {"firmware": "bios", "disk": SYSTEM},
        "links": {"enp2s0": {"network": "lan", "address": "dhcp"}},
        "zfs": {"tank": {"layout": "mirror", "disks": [FIRST, SECOND]}},
        "kvm": {},
    }
    return Host.model_validate(entry | changes)


def differences(facts: Facts = NAS, **changes: Any) -> dict[str, str]:
    return {
        ".".join(map(str, one.path[2:])): f"{one.reason}; {one.hint}"
        for one in comparison("nas", host(**changes), facts)
    }


def test_a_machine_that_is_what_its_entry_says_differs_in_nothing() -> None:
    assert differences() == {}


def test_threads_memory_and_firmware_are_the_machines_to_state() -> None:
    other: dict[str, Any] = {"cpu_threads": "4", "memory": "16GiB", "boot": {"firmware": "uefi", "disk": SYSTEM}}
    assert differences(**other) == {
        "cpu_threads": f"is not what the machine has: 2; {MERGE}",
        "memory": f"is not what the machine has: 8GiB; {MERGE}",
        "boot.firmware": f"is not what the machine was started by: bios; {MERGE}",
    }
    assert stated(host(**other), NAS) == {
        ("cpu_threads",): 2,
        ("memory",): "8GiB",
        ("boot", "firmware"): "bios",
    }


def test_a_little_memory_more_or_less_is_no_difference() -> None:
    assert differences(memory="7950MiB") == differences(memory="8448MiB") == {}
    assert list(differences(memory="7680MiB")) == list(differences(memory="9GiB")) == ["memory"]


def test_what_the_machine_did_not_tell_is_not_held_against_the_entry() -> None:
    silent = replace(NAS, cpu_threads=None, memory=None, firmware=None, architecture="")
    lacking = replace(silent, disks=(), missing=("its disks: lsblk gave no answer",))
    assert differences(lacking, cpu_threads="99", memory="1TiB") == {}


def test_another_architecture_is_another_machine() -> None:
    assert differences(replace(NAS, architecture="aarch64")) == {
        "system": "is not what the machine is: aarch64; see whether it is the one meant"
    }


def test_a_processor_without_virtualisation_runs_no_guests() -> None:
    assert differences(replace(NAS, virtualization=None)) == {
        "kvm": "is not possible: the processor shows neither vmx nor svm; "
        "switch virtualisation on in the firmware, or leave `kvm` out"
    }
    assert differences(kvm={"cpu": "intel"}) == {"kvm.cpu": "is not what the processor shows (svm); correct it"}
    assert differences(kvm={"cpu": "amd"}) == {}


def test_a_disk_that_is_gone_is_said_with_those_that_are_there() -> None:
    gone = "/dev/disk/by-id/ata-GONE_1"
    facts = replace(NAS, disks=NAS.disks[:2])
    assert differences(facts, zfs={"tank": {"layout": "mirror", "disks": [FIRST, gone]}}) == {
        "zfs.tank.disks.1": f"is not on the machine; there is {SYSTEM} (232.9GiB) and {FIRST} (1.8TiB)"
    }
    assert differences(replace(NAS, disks=()), zfs={}) == {
        "boot.disk": "is not on the machine; no disk of it has a name under /dev/disk/by-id"
    }


def test_disks_are_looked_for_wherever_a_pool_names_them() -> None:
    def missing(name: str) -> str:
        return f"/dev/disk/by-id/ata-{name}"

    pool = {
        "vdevs": [{"layout": "stripe", "disks": [FIRST]}, {"layout": "stripe", "disks": [missing("V")]}],
        "special": [{"layout": "stripe", "disks": [missing("S")]}],
        "log": [{"layout": "stripe", "disks": [missing("L")]}],
        "cache": [missing("C")],
        "spares": [missing("P")],
    }
    assert list(differences(zfs={"tank": pool})) == [
        "zfs.tank.vdevs.1.disks.0",
        "zfs.tank.special.0.disks.0",
        "zfs.tank.log.0.disks.0",
        "zfs.tank.cache.0",
        "zfs.tank.spares.0",
    ]


def test_a_disk_under_two_names_is_one_disk() -> None:
    twice = "/dev/disk/by-id/wwn-0x5000c500300a0001"
    assert differences(zfs={"tank": {"layout": "mirror", "disks": [FIRST, twice]}}) == {
        "zfs.tank.disks.1": f"is the same disk as {SYSTEM}: sda, 232.9GiB, HDD, SATA, VB0250EAVER, "
        "serial number Z3TH0001; name another"
    }


def test_a_disk_that_is_smaller_than_said_is_another_one_or_wrongly_said() -> None:
    words = "correct `disk_size`, or look whether it is the disk meant"
    assert differences(
        boot={"firmware": "bios", "disk": SYSTEM, "disk_size": "250GiB"},
        zfs={"tank": {"layout": "mirror", "disks": [FIRST, SECOND], "disk_size": "1864GiB"}},
    ) == {
        "boot.disk": "has 232.9GiB, less than the 250GiB that `disk_size` says: sda, 232.9GiB, HDD, SATA, VB0250EAVER, "
        f"serial number Z3TH0001; {words}",
        **{
            f"zfs.tank.disks.{number}": "has 1863GiB, less than the 1864GiB that `disk_size` says: "
            f"{name}, 1.8TiB, HDD, SATA, WDC_WD20EARS-00MVWB0, serial number WD-WMAZA000000{number + 1}; {words}"
            for number, name in ((0, "sdb"), (1, "sdc"))
        },
    }


def test_a_disk_that_cannot_be_written_or_told_from_another_is_said() -> None:
    system, first, second, *others = NAS.disks
    facts = replace(NAS, disks=(system, replace(first, read_only=True), second, *others))
    assert differences(facts) == {
        "zfs.tank.disks.0": "can only be read: sdb, 1.8TiB, HDD, SATA, WDC_WD20EARS-00MVWB0, "
        "serial number WD-WMAZA0000001; look for a switch on it, or replace it"
    }
    twins = replace(NAS, disks=(system, first, replace(second, serial=first.serial), *others))
    assert differences(twins) == {
        "zfs.tank.disks.0": "means no disk for certain: sdb has the serial number of sdc too; name another disk",
        "zfs.tank.disks.1": "means no disk for certain: sdc has the serial number of sdb too; name another disk",
    }


def test_a_link_that_no_card_is_called_is_said_with_the_cards_that_are_there() -> None:
    assert differences(links={"eno1": {"network": "lan", "address": "dhcp"}}) == {
        "links.eno1": f"is no network card of the machine; {CARD}"
    }
    assert differences(replace(NAS, nics=())) == {
        "links.enp2s0": "is no network card of the machine; it told of no network card"
    }


def test_a_card_has_its_other_names_too() -> None:
    facts = replace(NAS, nics=(replace(NAS.nics[0], name="eth0", altnames=("eno1", "enp2s0")),))
    assert differences(facts) == {}


def test_a_link_with_a_mac_may_have_any_name_but_needs_the_card() -> None:
    link = {"network": "lan", "address": "dhcp"}
    assert differences(links={"lan0": link | {"mac": "3C:4A:92:00:00:01"}}) == {}
    assert differences(links={"lan0": link | {"mac": "3c:4a:92:00:00:02"}}) == {
        "links.lan0.mac": f"is of no network card of the machine; {CARD}"
    }


def test_the_cards_of_a_bond_have_to_be_there() -> None:
    bond = {"bond": {"members": ["enp2s0", "enp3s0"]}, "network": "lan", "address": "dhcp"}
    assert differences(links={"bond0": bond}) == {
        "links.bond0.bond.members.1": f"is no network card of the machine; {CARD}"
    }


def test_a_report_without_macs_says_nothing_of_them() -> None:
    entry = Host.model_validate(
        {
            "cpu_threads": "12",
            "memory": "32GiB",
            "boot": {"disk": "/dev/disk/by-id/nvme-eui.0025385a01b00001"},
            "links": {"lan0": {"mac": "3c:4a:92:00:00:02", "network": "lan", "address": "dhcp"}},
        }
    )
    assert comparison("mini", entry, read_report(REPORT)) == []
