"""`pyhomelab facts` on a machine with a kernel, udev, ZFS and virtio disks of its own."""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.cli.main import program
from tests.lab.needs import missing_for_vms
from tests.lab.vm_lab import vms
from tests.lab.vm_qemu import ADDRESS, Wires
from tests.sshd import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.vms import Vm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing_for_vms() != "", reason=missing_for_vms() or "nothing is missing"),
    pytest.mark.xdist_group("facts of a virtual machine"),
]

FIRST, SECOND, THIRD, FOURTH = "WD-WCC7K0000101", "WD-WCC7K0000102", "S413NX0K712345", "S413NX0K712346"
NAMES = {serial: f"/dev/disk/by-id/virtio-{serial}" for serial in (FIRST, SECOND, THIRD, FOURTH)}


@pytest.fixture(scope="module")
def machine() -> Iterator[Vm]:
    """A machine with two disks of an imported pool, one with an ext4, and one that is swap."""
    sizes = {FIRST: 256, SECOND: 256, THIRD: 300, FOURTH: 128}
    with vms({"alpha": ("192.168.11.11/24", sizes)}) as up:
        alpha = up["alpha"]
        alpha.run(f"zpool create -f tank mirror {NAMES[FIRST]} {NAMES[SECOND]}")
        alpha.run(
            f"mkfs.ext4 -q -L films {NAMES[THIRD]}; mkswap {NAMES[FOURTH]}; swapon {NAMES[FOURTH]}; udevadm settle"
        )
        yield alpha


def facts(vm: Vm, home: Home) -> dict[str, Any]:
    """Give what the machine tells somebody who accepts the key that it shows."""
    home.config(f"ConnectTimeout 60\nIdentityFile {vm.image / 'key'}")
    blob = base64.b64decode(vm.said("cut -d ' ' -f 2 /etc/ssh/ssh_host_ed25519_key.pub"))
    shown = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    port = str(Wires(vm.lab, vm.number).port)
    with redirect_stdout(StringIO()) as out:
        words = ["facts", f"root@{ADDRESS}", "--port", port, "--host-key", shown, "--json"]
        program.main(words, standalone_mode=False)
    found: dict[str, Any] = json.loads(out.getvalue())["facts"]
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path / "home", monkeypatch)


def test_disks_are_told_with_their_lasting_names_and_what_uses_them(machine: Vm, home: Home) -> None:
    found = facts(machine, home)
    assert (found["missing"], found["knows_contents"]) == ([], True)
    disks = {disk["serial"]: disk for disk in found["disks"]}
    # udev calls disks of this serial number as it calls real ones of the maker
    sold = {serial: f"/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_{serial}" for serial in (FIRST, SECOND)}
    assert {serial: disks[serial]["by_id"] for serial in NAMES} == {
        serial: [*([sold[serial]] if serial in sold else []), name] for serial, name in NAMES.items()
    }
    assert {serial: disks[serial]["size"] >> 20 for serial in NAMES} == {
        FIRST: 256,
        SECOND: 256,
        THIRD: 300,
        FOURTH: 128,
    }
    name = {serial: disks[serial]["name"] for serial in NAMES}
    assert {serial: disks[serial]["uses"] for serial in NAMES} == {
        FIRST: [f"member of the imported pool tank ({name[FIRST]}1)"],
        SECOND: [f"member of the imported pool tank ({name[SECOND]}1)"],
        THIRD: [],
        FOURTH: [f"active swap ({name[FOURTH]})"],
    }
    assert (disks[THIRD]["filesystem"], disks[THIRD]["label"]) == ("ext4", "films")
    root = disks[None]
    assert (root["by_id"], root["uses"]) == ([], [f"mounted at / ({root['name']})"])


def test_cards_are_told_with_their_other_names(machine: Vm, home: Home) -> None:
    cards = {nic["name"]: nic for nic in facts(machine, home)["nics"]}
    assert {name: (nic["driver"], nic["bus"], nic["carrier"]) for name, nic in cards.items()} == {
        "eth0": ("virtio_net", "virtio", True),
        "eth1": ("virtio_net", "virtio", True),
    }
    assert cards["eth1"]["addresses"] == ["192.168.11.11/24"]
    assert "ens3" in cards["eth0"]["altnames"]


def test_a_pool_that_is_put_away_leaves_its_disks_free_but_said_to_hold_it(machine: Vm, home: Home) -> None:
    machine.run("zpool export tank")
    try:
        disks = {disk["serial"]: disk for disk in facts(machine, home)["disks"]}
    finally:
        machine.run("zpool import -d /dev/disk/by-id tank")
    for serial in (FIRST, SECOND):
        assert disks[serial]["uses"] == []
        assert next((part["filesystem"], part["label"]) for part in disks[serial]["parts"]) == ("zfs_member", "tank")


def test_a_member_of_a_pool_is_known_where_there_is_no_zpool_to_ask(machine: Vm, home: Home) -> None:
    machine.run("mv /usr/sbin/zpool /usr/sbin/zpool.away")
    try:
        disks = {disk["serial"]: disk for disk in facts(machine, home)["disks"]}
    finally:
        machine.run("mv /usr/sbin/zpool.away /usr/sbin/zpool")
    assert disks[FIRST]["uses"] == [f"member of the imported pool tank ({disks[FIRST]['name']}1)"]
