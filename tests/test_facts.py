"""What machines answer, and what is made of it: disks by names that last, and an entry with open choices."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyhomelab.facts.answer import SCRIPT, facts_of
from pyhomelab.facts.disk_names import best_first, unnameable
from pyhomelab.facts.suggestion import CHOOSE, suggested_disks, suggestion
from pyhomelab.inventory.load import understand
from pyhomelab.shell import Done
from pyhomelab.shell.strangers import stranger
from pyhomelab.state.hoststate import NoAnswer
from pyhomelab.text.source import parse
from tests.labs import KEY
from tests.recordings import KINDS, NETWORKS, RECORDINGS, answer, entry, machine

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.facts.machine import Disk, Facts, Nic


def told(text: str) -> Facts:
    return facts_of("dl1", Done(0, text, ""))


def disk_of(facts: Facts, name: str) -> Disk:
    return next(disk for disk in facts.disks if disk.name == name)


def nic_of(facts: Facts, name: str) -> Nic:
    return next(nic for nic in facts.nics if nic.name == name)


def inventory_with(text: str) -> dict[str, Any]:
    """Give a lab whose only host is the one of an entry."""
    data: dict[str, Any] = {
        "lab": {"name": "home", "state_version": "26.05", "admins": [{"name": "mika", "ssh_keys": [KEY]}]},
        "networks": {name: {"cidr": str(network)} for name, network in NETWORKS.items()},
    }
    hosts: dict[str, Any] = parse(f"hosts:\n{text}", "").root.plain()
    return data | hosts


@pytest.mark.parametrize("kind", KINDS)
def test_a_machine_suggests_the_entry_that_is_kept(kind: str) -> None:
    kept = (RECORDINGS / kind / "entry.yaml").read_text()
    assert entry(kind) == kept, "`python -m tests.recordings` writes it anew"


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_is_refused_for_its_open_choices_and_nothing_else(kind: str) -> None:
    _, mistakes = understand(inventory_with(entry(kind)))
    choices = suggestion(kind, machine(kind), NETWORKS).choices
    # `disk` is the last key of its path, `network of eno1` the last two, the other way round
    assert sorted(choice.split(" of ") for choice in choices) == sorted(
        list(reversed(mistake.path[-2:] if mistake.path[-1] == "network" else mistake.path[-1:]))
        for mistake in mistakes
    )


# an emulated machine has less memory than any host may have
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "emulated"])
def test_an_entry_is_accepted_once_its_choices_are_made(kind: str) -> None:
    text = entry(kind).replace(f"firmware: {CHOOSE}", "firmware: uefi")
    text = text.replace(f"disk: {CHOOSE}", "disk: /dev/disk/by-id/ata-CHOSEN")
    text = text.replace(f"network: {CHOOSE}", "network: lan", 1).replace(f"network: {CHOOSE}", "network: home")
    model, mistakes = understand(inventory_with(text))
    assert mistakes == []
    assert model is not None
    host, facts = model.hosts[kind], machine(kind)
    assert (host.cpu_threads, host.memory) == (facts.cpu_threads, facts.memory)
    assert host.system == ("aarch64-linux" if kind == "arm-board" else "x86_64-linux")


def test_nothing_that_is_in_use_or_cannot_be_named_is_suggested() -> None:
    assert {kind: [disk.name for disk in suggested_disks(machine(kind))] for kind in KINDS} == {
        "arm-board": [],
        "bios-2010": [],
        "emulated": [],
        "mini-pc": ["nvme0n1"],
        "raid-controller": ["sdc"],
        "usb-nic": [],
    }


def test_why_a_disk_is_busy_is_said_for_each_use() -> None:
    uses = {disk.name: disk.uses for disk in machine("bios-2010").disks}
    assert uses == {
        "sda": ("mounted at / (sda1)", "active swap (sda5)"),
        "sdb": ("member of the imported pool tank (sdb1)",),
        "sdc": ("member of the imported pool tank (sdc1)",),
        "sdd": ("part of the array md0 (sdd)",),
        "sde": ("part of the array md0 (sde)",),
    }
    assert disk_of(machine("raid-controller"), "sda").uses == (
        "has an active volume of LVM: pve-root (sda3)",
        "has an active volume of LVM: pve-swap (sda3)",
        "mounted at / (dm-0)",
        "active swap (dm-1)",
    )
    assert disk_of(machine("mini-pc"), "sda").uses == (
        "mounted at /iso (sda1)",
        "the medium that the machine booted from (sda1)",
    )


def test_the_second_disk_of_a_btrfs_is_busy_although_it_is_mounted_nowhere() -> None:
    disk = disk_of(machine("usb-nic"), "nvme0n1")
    assert (disk.parts, disk.uses) == ((), ("part of the btrfs 7c1b2d3e-0000-4000-8000-aabbccddeeff (nvme0n1)",))


def test_a_member_of_an_imported_pool_is_known_without_zpool() -> None:
    text = "".join(line for line in answer("bios-2010").splitlines(keepends=True) if not line.startswith("zpool\t"))
    assert disk_of(told(text), "sdb").uses == ("member of the imported pool tank (sdb1)",)


def test_a_member_of_a_pool_that_is_not_imported_is_free_but_said_to_hold_it() -> None:
    text = "".join(
        line for line in answer("bios-2010").splitlines(keepends=True) if line[:5] not in ("zpool", "pool\t")
    )
    facts = told(text)
    assert [disk.name for disk in suggested_disks(facts)] == ["sdb", "sdc"]
    assert 'serial number WD-WMAZA0000001: sdb1 zfs_member "tank" and sdb9' in suggestion("nas", facts, {}).text


def test_what_real_zpool_and_lsblk_say_of_a_pool_is_understood() -> None:
    uses = {disk.name: disk.uses for disk in machine("emulated").disks}
    assert uses == {
        "vda": ("mounted at / (vda)",),
        "vdb": ("member of the imported pool tank (vdb1)",),
        "vdc": ("member of the imported pool tank (vdc1)",),
        "vdd": (),
        "vde": ("active swap (vde)",),
    }


def test_an_opened_luks_is_a_use() -> None:
    text = answer("mini-pc").replace('"fstype": "vfat"', '"fstype": "crypto_LUKS"')
    child = '"children": [{"name": "vault", "kname": "dm-0", "type": "crypt", "size": 1}], "label": "EFIBOOT"'
    facts = told(text.replace('"label": "EFIBOOT"', child))
    assert "has an opened LUKS: vault (sda2)" in disk_of(facts, "sda").uses


def test_numbers_and_truth_as_text_are_read_alike() -> None:
    sdb = disk_of(machine("bios-2010"), "sdb")
    assert (sdb.size, sdb.rotational, sdb.removable, sdb.read_only) == (2000398934016, True, False, False)
    assert [part.size for part in sdb.parts] == [2000389406720, 8388608]


def test_what_is_no_disk_to_install_on_is_left_out() -> None:
    names = {kind: [disk.name for disk in machine(kind).disks] for kind in KINDS}
    assert names["bios-2010"] == ["sda", "sdb", "sdc", "sdd", "sde"], "sdf is a card reader without a card"
    assert names["raid-controller"] == ["sda", "sdb", "sdc"], "sr0 is a drive for DVDs"
    assert names["arm-board"] == ["sda", "mmcblk0"], "mmcblk0boot0 is a part of the memory card"


def test_what_wipefs_finds_counts_where_lsblk_knows_nothing() -> None:
    sda = disk_of(machine("arm-board"), "sda")
    assert (sda.filesystem, sda.label) == ("ext4", "films")


def test_a_disk_that_has_no_device_is_not_taken_for_an_empty_one() -> None:
    facts = told(answer("mini-pc").replace("\nend\n", "\nunread\tnvme0n1\nend\n"))
    assert disk_of(facts, "nvme0n1").uses == ("nobody can look at it from there: it has no device (nvme0n1)",)
    assert suggested_disks(facts) == []


def test_a_loop_device_is_never_suggested() -> None:
    loop = disk_of(machine("mini-pc"), "loop0")
    assert (loop.transport, loop.uses[-1]) == ("loop", "a file of a filesystem, which looks like a disk")
    assert "loop0" not in entry("mini-pc")


def test_names_that_a_person_recognises_come_first_and_those_of_contents_are_none() -> None:
    names = ["wwn-0x5", "lvm-pv-uuid-x", "md-uuid-y", "nvme-eui.00", "dm-name-z", "scsi-35", "nvme-A_1", "nvme-A_1_1"]
    assert best_first([*names, "ata-A_1", "a b", "usb-A_1-0:0", "strange-1"]) == tuple(
        f"/dev/disk/by-id/{name}"
        for name in (
            "ata-A_1",
            "nvme-A_1",
            "nvme-A_1_1",
            "usb-A_1-0:0",
            "wwn-0x5",
            "nvme-eui.00",
            "scsi-35",
            "strange-1",
        )
    )


def test_a_disk_without_a_name_or_with_one_of_two_meanings_cannot_be_named() -> None:
    disks = machine("usb-nic").disks
    doubts = {disk.name: unnameable(disk, disks) for disk in disks}
    assert {name: doubt for name, doubt in doubts.items() if doubt} == {
        "sdc": "has the serial number of sdd too",
        "sdd": "has the serial number of sdc too",
    }
    controller = machine("raid-controller").disks
    assert unnameable(controller[0], controller) == "has no name under /dev/disk/by-id"
    first, *_ = disks
    assert unnameable(first, [first, replace(first, name="sdz", serial=None)]) == "shares a name with sdz"


def test_a_card_in_a_bond_is_told_by_its_own_address() -> None:
    assert [nic.mac for nic in machine("raid-controller").nics][:2] == ["84:2b:2b:00:00:01", "84:2b:2b:00:00:02"]


def test_speed_and_carrier_are_none_where_nobody_can_tell() -> None:
    nic = nic_of(machine("raid-controller"), "eno3")
    assert (nic.speed, nic.carrier) == (None, None)
    nic = nic_of(machine("mini-pc"), "enp2s0")
    assert (nic.speed, nic.carrier, nic.addresses) == (None, False, ())


def test_addresses_of_the_wire_alone_are_left_out() -> None:
    assert nic_of(machine("usb-nic"), "enx00e04c680001").addresses == ("192.168.1.30/24", "2001:db8::30/64")


def test_a_card_that_is_called_eth0_and_nothing_else_gets_a_name_by_its_mac() -> None:
    facts = machine("usb-nic")
    eth0 = replace(nic_of(facts, "eth0"), altnames=(), carrier=True)
    text = suggestion("nuc", replace(facts, nics=(eth0,)), {}).text
    assert '      lan0: {mac: "94:c6:91:00:00:10", network: CHOOSE, address: dhcp}  #' in text


def test_a_machine_without_any_cable_leaves_its_links_open() -> None:
    facts = machine("raid-controller")
    without = replace(facts, nics=tuple(replace(nic, carrier=False) for nic in facts.nics))
    made = suggestion("dl1", without, NETWORKS)
    assert made.choices == ("links",)
    _, mistakes = understand(inventory_with(made.text))
    assert [mistake.path for mistake in mistakes] == [("hosts", "dl1", "links")]


def test_an_architecture_that_no_system_is_for_is_left_open() -> None:
    made = suggestion("dl1", replace(machine("mini-pc"), architecture="armv7l"), NETWORKS)
    assert made.choices == ("system",)
    assert "    system: CHOOSE  # the machine says armv7l; there are x86_64-linux and aarch64-linux\n" in made.text


@pytest.mark.parametrize(
    ("kib", "gib"),
    [(926_000, 1), (1_900_000, 2), (3_885_400, 4), (16_292_280, 16), (36_990_000, 36), (131_900_000, 128)],
)
def test_memory_is_said_as_it_is_sold(kib: int, gib: int) -> None:
    text = re.sub("(?m)^memory\t.*$", f"memory\t{kib}", answer("mini-pc"))
    assert told(text).memory == gib << 30


def test_what_a_machine_cannot_tell_is_said_and_the_rest_is_told() -> None:
    assert machine("arm-board").missing == (
        "the addresses and other names of its network cards: there is no ip (iproute2)",
    )
    lines = [line for line in answer("mini-pc").splitlines() if not line.startswith("lsblk\t")]
    facts = told("\n".join([*lines[:-1], "missing\tlsblk", "missing\tlsblk", "end", ""]))
    assert facts.missing == ("its disks: there is no lsblk (util-linux)",)
    assert (facts.disks, facts.cpu_threads, len(facts.nics)) == ((), 4, 3)
    assert told("\n".join([*lines, ""])).missing == (
        "its disks: its lsblk gave no answer; it is perhaps not that of util-linux",
    )
    assert "      disk: CHOOSE  # it told of no disk; installing erases it\n" in suggestion("mini", facts, {}).text
    lines = [line for line in answer("mini-pc").splitlines() if not line.startswith("ip\t")]
    assert told("\n".join([*lines, ""])).missing == (
        "the addresses and other names of its network cards: its ip gave no answer; it is perhaps not that of iproute2",
    )


def test_where_nobody_can_tell_what_lies_on_disks_none_is_taken_for_empty() -> None:
    text = answer("mini-pc").replace("contents\tyes", "contents\tno")
    facts = told(text)
    assert facts.missing == ("what else may lie on its disks: only root can look, by wipefs (util-linux)",)
    made = suggestion("mini", facts, NETWORKS)
    assert made.choices == ("disk",)
    assert "500G, serial number 50026B7685D1A2B3: contents unknown\n" in made.text


@pytest.mark.parametrize(
    "text", ["begin\t1\nend\n", "begin\t1\nos\ta\nend\n", "Welcome!\n", answer("mini-pc").replace("cpu\t4", "cpu")]
)
def test_what_makes_no_sense_is_no_answer(text: str) -> None:
    with pytest.raises(NoAnswer, match=r"^dl1: (answered with something that makes no sense|did not run the script )"):
        told(text)


def test_an_answer_of_lsblk_that_is_no_json_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match=r"^dl1: answered with something that makes no sense$"):
        told(answer("mini-pc").replace('lsblk\t   "blockdevices": [', "lsblk\t["))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # other work may be at hand
@given(st.text("ab\t\n\x1b{}[]\":,0#'\u202e", max_size=50), st.integers(0, 400))
def test_no_answer_of_a_host_breaks_the_reader(rubbish: str, place: int) -> None:
    lines = answer("usb-nic").splitlines()
    at = 1 + place % (len(lines) - 1)
    text = "\n".join([*lines[:at], rubbish, *lines[at + 1 :], ""])
    try:
        facts = told(text)
    except NoAnswer:
        return
    made = suggestion("dl1", facts, NETWORKS)
    assert set(parse(f"hosts:\n{made.text}", "").root.plain()["hosts"]) == {"dl1"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_host_says_neither_steers_a_terminal_nor_leaves_its_remark(kind: str) -> None:
    evil = "\\u001b[31mred\\n    kvm: {}\\u202e"
    text = re.sub(r'("(?:model|serial|label|fstype|vendor)": ")', lambda found: found[0] + evil, answer(kind))
    text = text.replace("os\t", "os\t\x1b]0;title\x07")
    made = suggestion("dl1", told(text), NETWORKS).text
    assert "red kvm: {}" in made or kind == "arm-board"
    assert all(letter.isprintable() for line in made.split("\n") for letter in line)
    assert parse(f"hosts:\n{made}", "").root.plain()["hosts"]["dl1"].get("kvm") is None


def test_a_name_under_by_id_that_no_inventory_can_hold_is_left_out() -> None:
    text = answer("mini-pc").replace("nvme-KINGSTON_SNV2S500G", "nvme-KINGSTON {x: y} #")
    assert [name.rpartition("/")[2] for name in disk_of(told(text), "nvme0n1").by_id] == [
        "nvme-eui.00000000000000000026b7685d1a2b35"
    ]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is missing")
def test_shellcheck_has_nothing_to_say() -> None:
    done = subprocess.run(["shellcheck", "--shell=sh", "-"], input=SCRIPT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("shell", [name for name in ("sh", "bash", "dash", "busybox") if shutil.which(name)])
def test_the_script_reads_what_a_kernel_shows(shell: str, tmp_path: Path) -> None:
    make_kernel(tmp_path)
    argv = [shell, "sh", "-s"] if shell == "busybox" else [shell, "-s"]
    script = f"FACTS_ROOT={tmp_path}\n{SCRIPT}"
    done = subprocess.run(argv, input=script, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    wanted = ("os", "firmware", "cpu", "memory", "product", "link", "unread", "btrfs", "pool", "nic")
    host, architecture = (subprocess.check_output(["uname", flag], text=True).strip() for flag in ("-n", "-m"))
    assert [row for row in rows if row[0] in wanted] == [
        ["os", host, architecture, '"NixOS 26.05 (Yarara)"', "installer"],
        ["firmware", "yes"],
        ["cpu", "2", "Intel(R) N100", "vmx"],
        ["memory", "7923012"],
        ["product", "AZW", "MINI S"],
        ["link", "by-id", "ata-A_1", "sda"],
        ["link", "by-id", "ata-A_1-part1", "sda1"],
        ["unread", "c0d0"],
        ["unread", "sdb"],
        ["btrfs", "sdb", "7c1b"],
        ["pool", "tank"],
        ["nic", "enp1s0", "e8:ff:1e:d1:00:a1", "igc", "pci", "2500", "1", "no"],
        ["nic", "wlp4s0", "b4:8c:9d:00:11:22", "iwlwifi", "pci", "", "", "yes"],
    ]
    assert (rows[0], rows[-1]) == (["begin", "1"], ["end"])


def make_kernel(root: Path) -> None:
    """Make the files of a machine: an installer with UEFI, two threads, a disk, a btrfs, a pool and two cards."""
    texts = {
        "etc/os-release": 'NAME=NixOS\nPRETTY_NAME="NixOS 26.05 (Yarara)"\nVARIANT_ID=installer\n',
        "proc/cpuinfo": "".join(
            f"processor\t: {n}\nmodel name\t: Intel(R) N100\nflags\t\t: fpu vmx lm\n\n" for n in (0, 1)
        ),
        "proc/meminfo": "MemTotal:        7923012 kB\nMemFree:         1 kB\n",
        "proc/spl/kstat/zfs/tank/state": "ONLINE\n",
        "proc/spl/kstat/zfs/dbgmsg": "",
        "sys/firmware/efi/fw_platform_size": "64\n",
        "sys/class/dmi/id/sys_vendor": "AZW\n",
        "sys/class/dmi/id/product_name": "MINI S\n",
        "sys/devices/enp1s0/address": "e8:ff:1e:d1:00:a1\n",
        "sys/devices/enp1s0/speed": "2500\n",
        "sys/devices/enp1s0/carrier": "1\n",
        "sys/devices/wlp4s0/address": "b4:8c:9d:00:11:22\n",
        "sys/devices/wlp4s0/wireless/status": "",
        "sys/devices/veth0/address": "02:00:00:00:00:01\n",
        "sys/bus/pci/drivers/igc/uevent": "",
        "sys/bus/pci/drivers/iwlwifi/uevent": "",
        "sys/block/sdb/size": "8\n",
        "sys/block/cciss!c0d0/size": "8\n",
        "dev/sda": "",
        "dev/sda1": "",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    links = {
        "dev/disk/by-id/ata-A_1": "../../sda",
        "dev/disk/by-id/ata-A_1-part1": "../../sda1",
        "sys/fs/btrfs/7c1b/devices/sdb": "../../../../block/sdb",
        "sys/class/net/enp1s0": "../../devices/enp1s0",
        "sys/class/net/wlp4s0": "../../devices/wlp4s0",
        "sys/class/net/veth0": "../../devices/veth0",
        "sys/devices/pci/igc/driver": "../../../bus/pci/drivers/igc",
        "sys/devices/pci/igc/subsystem": "../../../bus/pci",
        "sys/devices/pci/iwl/driver": "../../../bus/pci/drivers/iwlwifi",
        "sys/devices/pci/iwl/subsystem": "../../../bus/pci",
        "sys/devices/enp1s0/device": "../pci/igc",
        "sys/devices/wlp4s0/device": "../pci/iwl",
    }
    for name, target in links.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)


def test_this_machine_tells_what_its_own_kernel_says(tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-s"], input=SCRIPT, cwd=tmp_path, capture_output=True, text=True, check=True)
    facts = facts_of("here", Done(0, done.stdout, done.stderr))
    assert facts.hostname == subprocess.check_output(["uname", "-n"], text=True).strip()
    assert facts.cpu_threads == int(subprocess.check_output(["getconf", "_NPROCESSORS_ONLN"], text=True))
    if shutil.which("lsblk") is not None:
        words = ["lsblk", "--json", "--bytes", "--nodeps", "--output", "NAME,TYPE,SIZE"]
        listed = json.loads(subprocess.check_output(words, text=True))["blockdevices"]
        sizes = {disk.name: disk.size for disk in facts.disks if disk.transport != "loop"}
        assert sizes == {
            one["name"]: int(one["size"])
            for one in listed
            if one["type"] == "disk" and int(one["size"]) and re.fullmatch("(?:sd|vd|xvd|nvme|mmcblk).*", one["name"])
        }


@pytest.mark.parametrize(
    ("words", "name", "user"),
    [
        ("root@[fd00::1]", "fd00::1", "root"),
        ("fd00::1", "fd00::1", None),
        ("mika@nas.example.org", "nas.example.org", "mika"),
        ("192.168.1.77", "192.168.1.77", None),
    ],
)
def test_an_address_is_taken_as_ssh_takes_it(words: str, name: str, user: str | None) -> None:
    target = stranger(words, 2222)
    assert (target.name, target.address, target.ssh.user, target.ssh.port) == (name, name, user, 2222)
    assert target.host_key is None


@pytest.mark.parametrize("words", ["", "root@", "-oProxyCommand=x", "root@-x", "a b", "x;y", "$(x)", "-u@10.0.0.1"])
def test_what_could_be_an_option_of_ssh_is_no_address(words: str) -> None:
    with pytest.raises(ValueError, match=r"(is neither a machine|does not begin with a user's name)"):
        stranger(words, None)
