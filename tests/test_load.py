"""Mistakes of an inventory: all at once, each with its place, its value, the reason and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhomelab.errors import InventoryRefused, UnreadableInventory
from pyhomelab.inventory.load import load

GOOD = """\
lab:
  name: home
  state_version: "26.05"
  admins:
    - name: mika
      ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c mika]
networks:
  lan: {cidr: 192.168.10.0/24, gateway: 192.168.10.1}
hosts:
  dl1:
    cpu_threads: 16
    memory: 36GiB
    boot: {disk: /dev/disk/by-id/ata-SSD_1}
    links:
      eno1: {bridge: br-lan, network: lan, address: 192.168.10.11}
    kvm: {}
"""


def mistakes(tmp_path: Path, *edits: tuple[str, str], more: str = "") -> list[str]:
    """The mistakes of the good inventory after edits, without the directory before the file's name."""
    text = GOOD
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "lab.yaml").write_text(text + more)
    try:
        load(tmp_path / "lab.yaml")
    except InventoryRefused as refused:
        assert refused.exit_code == 3  # noqa: PT017 - a good inventory is not refused
        return [str(mistake).removeprefix(f"{tmp_path}/") for mistake in refused.mistakes]
    return []


def test_a_good_inventory_has_no_mistakes(tmp_path: Path) -> None:
    assert mistakes(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("memory:", "memry:", "lab.yaml:12:5: hosts.dl1.memry: is not a key that exists here; did you mean memory?"),
        ("kvm: {}", "zfz: {}", "lab.yaml:16:5: hosts.dl1.zfz: is not a key that exists here; did you mean zfs?"),
        (
            "kvm: {}",
            "kvm: {hyperthreads: 3}",
            "lab.yaml:16:11: hosts.dl1.kvm.hyperthreads: is not a key that exists here; "
            "there are cpu, cpu_model, hugepages, iommu, nested, vfio",
        ),
        (
            "36GiB",
            "36GB",
            "lab.yaml:12:13: hosts.dl1.memory: 36GB is not a size in binary units; write it like 512MiB, 36GiB or 1.5TiB",
        ),
        ("36GiB", "lots", "lab.yaml:12:13: hosts.dl1.memory: lots is not a size; write it like 512MiB, 36GiB or 1.5TiB"),
        (
            "36GiB",
            "0.0001GiB",
            "lab.yaml:12:13: hosts.dl1.memory: 0.0001GiB is not a size; write it like 512MiB, 36GiB or 1.5TiB",
        ),
        (
            "36GiB",
            "0.001GiB",
            "lab.yaml:12:13: hosts.dl1.memory: 0.001GiB is not a whole number of MiB above zero; "
            "write it like 512MiB, 36GiB or 1.5TiB",
        ),
        (
            "cpu_threads: 16",
            "cpu_threads: -2",
            "lab.yaml:11:18: hosts.dl1.cpu_threads: -2 is not a whole number that fits; write one from 1 to 4096",
        ),
        (
            "{disk: /dev/disk/by-id/ata-SSD_1}",
            "{disk: /dev/sda}",
            "lab.yaml:13:18: hosts.dl1.boot.disk: /dev/sda is not a /dev/disk/by-id path; "
            "names such as sda change between boots; `ls -l /dev/disk/by-id` shows the lasting ones",
        ),
        (
            "{disk: ",
            "{firmware: bois, disk: ",
            "lab.yaml:13:22: hosts.dl1.boot.firmware: bois is not a choice here; did you mean bios?",
        ),
        (
            "{disk: ",
            "{firmware: coreboot, disk: ",
            "lab.yaml:13:22: hosts.dl1.boot.firmware: coreboot is not a choice here; write bios or uefi",
        ),
        (
            "{disk: /dev/disk/by-id/ata-SSD_1}",
            "{firmware: bios}",
            "lab.yaml:13:5: hosts.dl1.boot: lacks the key disk; add `disk:` (The disk that holds NixOS; installing erases it)",
        ),
        (
            "address: 192.168.10.11",
            "address: 192.168.10.11/24",
            "lab.yaml:15:53: hosts.dl1.links.eno1.address: 192.168.10.11/24 has a prefix length; "
            "write the address alone; the network's cidr has the length",
        ),
        (
            "address: 192.168.10.11",
            "address: 192.168.10.311",
            "lab.yaml:15:53: hosts.dl1.links.eno1.address: 192.168.10.311 is not an IP address; "
            "write it like 192.168.10.11, or dhcp",
        ),
        (
            "cidr: 192.168.10.0/24",
            "cidr: 192.168.10.7/24",
            "lab.yaml:8:15: networks.lan.cidr: 192.168.10.7/24 has bits set behind its prefix; write 192.168.10.0/24",
        ),
        (
            "cidr: 192.168.10.0/24",
            "cidr: lan",
            "lab.yaml:8:15: networks.lan.cidr: lan is not a network in CIDR notation; write it like 192.168.10.0/24",
        ),
        (
            "  dl1:",
            "  Dl_1:",
            "lab.yaml:10:3: hosts.Dl_1: is not a DNS label; "
            "use lower-case letters, digits and hyphens, beginning with a letter, at most 63 characters",
        ),
        ("kvm: {}", "kvm: [yes]", "lab.yaml:16:5: hosts.dl1.kvm: [yes] is not a mapping; write keys and values, each pair on a line of its own"),
        ("kvm: {}", "tags: rack", "lab.yaml:16:11: hosts.dl1.tags: rack is not a list; write it like [a, b], or one item a line after a hyphen"),
        ("kvm: {}", "kvm: {nested: maybe}", "lab.yaml:16:19: hosts.dl1.kvm.nested: maybe is not true or false; write true or false"),
        ("kvm: {}", "kvm:", "lab.yaml:16:5: hosts.dl1.kvm: has no value; write one, `{}` for an empty mapping, or remove the key"),
        (
            '"26.05"',
            "yesterday",
            'lab.yaml:3:18: lab.state_version: yesterday is not a NixOS release in quotes; write it like "26.05"',
        ),
        (
            "ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c mika]",
            "ssh_keys: []",
            "lab.yaml:6:7: lab.admins[0].ssh_keys: [] is empty; name at least one",
        ),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_said_with_its_place_and_the_way_out(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    expected = [sentence]
    if new == "memry:":
        expected.insert(0, "lab.yaml:10:3: hosts.dl1: lacks the key memory; add `memory:` (Installed memory)")
    assert mistakes(tmp_path, (old, new)) == expected


def test_all_mistakes_come_at_once_sorted_by_place(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        ("name: home", "name: Home!"),
        ("192.168.10.11}", "192.168.10.1}"),
        ("kvm: {}", "kvm: {}\n    colour: red\n    colour: blue"),
        more="guests:\n  vm: {on: dl2, cpus: 2, memory: 1GB, links: {lan: {}}}\n",
    )
    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in found] == [
        "lab.yaml:2:9 lab.name",
        "lab.yaml:15:53 hosts.dl1.links.eno1.address",
        "lab.yaml:17:5 hosts.dl1.colour",
        "lab.yaml:18:5 hosts.dl1.colour",
        "lab.yaml:20:34 guests.vm.memory",
    ]


def test_an_unknown_key_does_not_hide_what_the_cross_checks_say_of_the_same_host(tmp_path: Path) -> None:
    assert mistakes(tmp_path, ("192.168.10.11}", "192.168.10.1, colour: red}")) == [
        "lab.yaml:15:53: hosts.dl1.links.eno1.address: 192.168.10.1 is the gateway of network lan; "
        "take a free address of 192.168.10.0/24",
        "lab.yaml:15:67: hosts.dl1.links.eno1.colour: is not a key that exists here; there are "
        "address, bond, bridge, default_route, mac, network, tagged, vlans",
    ]


def test_nothing_is_said_of_references_to_an_entry_that_has_mistakes_of_its_own(tmp_path: Path) -> None:
    guest = "guests:\n  vm: {on: dl1, cpus: 2, memory: 1GiB, disk: {size: 1GiB, file: /vm.raw}, links: {lan: {}}}\n"
    assert mistakes(tmp_path, ("36GiB", "36GB"), more=guest) == [
        "lab.yaml:12:13: hosts.dl1.memory: 36GB is not a size in binary units; write it like 512MiB, 36GiB or 1.5TiB"
    ]


@pytest.mark.parametrize("key", ["password", "join_token", "shared_secret", "encryption_key", "PASSPHRASE"])
def test_a_key_for_a_secret_is_refused_without_showing_its_value(tmp_path: Path, key: str) -> None:
    (line,) = mistakes(tmp_path, ("kvm: {}", f"kvm: {{}}\n    {key}: hunter2"))
    assert line == (
        f"lab.yaml:17:5: hosts.dl1.{key}: looks like a secret, and no secret may stand in the inventory; "
        "remove it and make it with `pyhomelab secret generate`; it then lies encrypted under secrets/"
    )


@pytest.mark.parametrize(
    "secret",
    [
        "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ",
        "K10" + "a" * 64 + "::server:hunter2",
        "abcdef.0123456789abcdef",
        "--token=hunter2",
        "--agent-token hunter2",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_a_value_that_is_a_secret_is_refused_and_never_shown(tmp_path: Path, secret: str) -> None:
    cluster = f"clusters:\n  home: {{distribution: k3s, servers: [dl1], extra_flags: ['{secret}']}}\n"
    found = mistakes(tmp_path, more=cluster)
    assert (
        "lab.yaml:18:59: clusters.home.extra_flags[0]: holds what looks like a secret; remove it, make a new one with "
        "`pyhomelab secret generate`, and treat this one as known to others"
    ) in found
    assert not any("hunter2" in line or "QQQQ" in line or "0123456789abcdef" in line for line in found)


@pytest.mark.parametrize(
    "nasty", ['${builtins.readFile "/etc/passwd"}', "''", "'; rm -rf /; '", '\\"', "$(id)", "é\u202e"]
)
def test_hostile_text_in_a_name_is_a_mistake_that_shows_it_safely(tmp_path: Path, nasty: str) -> None:
    quoted = nasty.replace("'", "''")
    (line,) = mistakes(tmp_path, ("name: home", f"name: '{quoted}'"))
    assert line.startswith("lab.yaml:2:9: lab.name: ")
    assert line.endswith(
        "is not a DNS label; use lower-case letters, digits and hyphens, beginning with a letter, at most 63 characters"
    )
    assert line.isprintable()


@pytest.mark.parametrize("escape", ["\\n", "\\t", "\\e", "\\u2028", "\\x7f"])
def test_a_control_character_in_free_text_is_a_mistake(tmp_path: Path, escape: str) -> None:
    cluster = f'clusters:\n  home: {{distribution: k3s, servers: [dl1], extra_flags: ["a{escape}b"]}}\n'
    (line,) = mistakes(tmp_path, more=cluster)
    assert line.startswith("lab.yaml:18:59: clusters.home.extra_flags[0]: 'a\\")
    assert line.endswith(" holds a line break or a control character; write it on one line")


def test_a_mistake_in_one_of_several_files_names_that_file(tmp_path: Path) -> None:
    lab, _, rest = GOOD.partition("networks:")
    (tmp_path / "a.yaml").write_text(lab)
    (tmp_path / "b.yaml").write_text("networks:" + rest)
    (tmp_path / "c.yaml").write_text(
        "networks:\n  lan: {cidr: 10.0.0.0/8}\nhosts:\n  dl2: {memory: x}\nlab: {name: other}\n"
    )
    with pytest.raises(InventoryRefused) as caught:
        load(tmp_path)
    found = [str(mistake).removeprefix(f"{tmp_path}/") for mistake in caught.value.mistakes]
    assert found == [
        f"c.yaml:2:3: networks.lan: stands in {tmp_path}/b.yaml too; keep one of the two",
        "c.yaml:4:3: hosts.dl2: lacks the key boot; add `boot:` (How the machine starts, and its system disk)",
        "c.yaml:4:3: hosts.dl2: lacks the key cpu_threads; add `cpu_threads:` (Hardware threads, as `nproc` counts)",
        "c.yaml:4:3: hosts.dl2: lacks the key links; add `links:` (Network cards by name)",
        "c.yaml:4:17: hosts.dl2.memory: x is not a size; write it like 512MiB, 36GiB or 1.5TiB",
        f"c.yaml:5:1: lab: stands in {tmp_path}/a.yaml too; keep one of the two",
    ]


def test_a_lab_split_over_files_is_one_inventory(tmp_path: Path) -> None:
    lab, _, rest = GOOD.partition("networks:")
    (tmp_path / "a.yaml").write_text(lab + "guests:\n")
    (tmp_path / "b.yaml").write_text("networks:" + rest)
    (tmp_path / "c.yaml").write_text("networks:\n  storage: {cidr: 10.0.0.0/24}\n")
    assert load(tmp_path).networks.keys() == {"lan", "storage"}


def test_a_directory_without_an_inventory_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInventory) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{tmp_path}: holds no *.yaml file; `pyhomelab init DIR` makes a lab to start from"


def test_an_empty_inventory_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text("")
    with pytest.raises(InventoryRefused) as caught:
        load(tmp_path / "lab.yaml")
    assert [str(mistake).removeprefix(f"{tmp_path}/") for mistake in caught.value.mistakes] == [
        "lab.yaml:1:1: the inventory: lacks the key hosts; add `hosts:` (Machines of bare metal by name)",
        "lab.yaml:1:1: the inventory: lacks the key lab; add `lab:` (What all machines have in common)",
        "lab.yaml:1:1: the inventory: lacks the key networks; add `networks:` (IP networks by name)",
    ]


def test_an_editors_lock_and_the_rules_of_sops_are_no_part_of_an_inventory(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(GOOD)
    (tmp_path / ".#lab.yaml").symlink_to("mika@desk.4711")
    (tmp_path / ".sops.yaml").write_text("creation_rules: []\n")
    assert load(tmp_path).lab.name == "home"


def test_a_part_that_is_lost_is_said_and_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(GOOD)
    (tmp_path / "guests.yaml").symlink_to("gone.yaml")
    with pytest.raises(UnreadableInventory) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/guests.yaml: cannot be read: no such file or directory; "
        "`pyhomelab init DIR` makes a lab to start from"
    )


@pytest.mark.parametrize("name", ["a\n} evil {.yaml", "\udcff.yaml"])
def test_a_file_whose_name_cannot_be_shown_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GOOD)
    for inventory in (tmp_path, tmp_path / name):
        with pytest.raises(UnreadableInventory) as caught:
            load(inventory)
        assert str(caught.value) == (
            f"{str(tmp_path / name)!a}: has a name that cannot be shown; "
            "rename it, with letters, digits, dots and hyphens"
        )


def test_a_path_longer_than_paths_can_be_is_refused() -> None:
    with pytest.raises(UnreadableInventory) as caught:
        load(Path("a" * 5000))
    assert str(caught.value) == (
        f"{'a' * 5000}: cannot be read: file name too long; name a file or directory that you may read"
    )


def test_of_thousands_of_mistakes_a_thousand_are_shown(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(GOOD + "".join(f"key{number}: 1\n" for number in range(30_000)))
    with pytest.raises(InventoryRefused) as caught:
        load(tmp_path / "lab.yaml")
    shown = str(caught.value).splitlines()
    assert len(caught.value.mistakes) == 30_000
    assert len(shown) == 1002
    assert shown[-2:] == ["and 29000 more", "the inventory has 30000 mistakes; nothing was written"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "kvm: {}",
            "kvm: true",
            "lab.yaml:16:10: hosts.dl1.kvm: true is not a mapping; write `{}` to take what is usual, or keys and values below it",
        ),
        (
            "kvm: {}",
            "zfs: {t: {layout: raidz, disks: [/dev/disk/by-id/a]}}",
            "lab.yaml:16:23: hosts.dl1.zfs.t.layout: raidz is not a choice here; did you mean raidz1, raidz2 or raidz3?",
        ),
        (
            "kvm: {}",
            "zfs: {t: {layout: stripe, disks: [/dev/disk/by-id/a], properties: {atime: false}}}",
            "lab.yaml:16:79: hosts.dl1.zfs.t.properties.atime: false is a truth value, not text; "
            'write off where ZFS is meant, else "false" in quotes',
        ),
    ],
)
def test_the_way_out_leads_out(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert mistakes(tmp_path, (old, new)) == [sentence]
