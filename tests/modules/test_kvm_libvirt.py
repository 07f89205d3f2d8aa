from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.modules.harness import needs_nixpkgs_lib
from tests.modules.kvm_guests import LAN, OTHER_UUID, UUID, guest, machine, needs
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

UNIT = "homelab-guest-k8s-1"
FORGET = "homelab-guests-forget"


def web(directory: Path) -> str:
    disk = f'name = "root"; kind = "file"; source = "{directory}/web.raw"; size = "1M";'
    return guest("web", disks=disk, more="", uuid=OTHER_UUID)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with libvirtd() as uri:
        made = Host(tmp_path, uri)
        made.switch(machine(guest()))
        yield made


@pytest.fixture
def running(host: Host) -> Host:
    """The host, with its guest started by its unit."""
    assert host.do(UNIT).code == 0
    return host


def memory(host: Host, *inactive: str) -> int:
    found = re.search(r"<memory unit='KiB'>(\d+)<", host.virsh("dumpxml", *inactive, "k8s-1"))
    assert found is not None
    return int(found.group(1)) // 1024


# Starting and stopping


def test_a_started_unit_is_a_running_guest_with_its_disk(host: Host) -> None:
    done = host.do(UNIT)

    assert (done.code, done.err) == (0, "")
    assert done.out == ("guest k8s-1: made the volume tank/guests/k8s-1-root of 60G\nguest k8s-1: started\n")
    assert "k8s-1" in host.running()


def test_starting_it_twice_changes_nothing(running: Host) -> None:
    done = running.do(UNIT)

    assert (done.code, done.out, done.err) == (0, "", "")


def test_libvirt_does_not_start_it_by_itself(running: Host) -> None:
    running.virsh("autostart", "k8s-1")

    running.do(UNIT, "ExecReload")

    assert running.virsh("list", "--all", "--autostart", "--name") == ""


def test_a_guest_without_its_disk_is_neither_defined_nor_started(host: Host) -> None:
    assert host.do(UNIT, NO_DEVICES="1").code == 1
    assert "k8s-1" not in host.defined()


def test_a_guest_that_migrated_to_another_host_is_not_started_a_second_time(host: Host) -> None:
    host.switch(machine(guest(disks='name = "data"; kind = "drbd"; resource = "vmstore";')))

    refused = host.do(UNIT, PEER="Primary")
    assert (refused.code, refused.err) == (
        1,
        "guest k8s-1: another host has its DRBD volume vmstore open, so it may be running there; "
        "shut it down there, or give the guest to that host in the inventory\n",
    )
    assert host.running() == {"test"}

    assert host.do(UNIT).code == 0
    assert host.running() == {"test", "k8s-1"}
    assert host.do(UNIT, PEER="Primary").code == 0  # it runs here, whatever the peer does


def test_a_reload_defines_a_running_guest_anew_and_lets_it_run(running: Host) -> None:
    number = running.virsh("domid", "k8s-1")
    running.switch(machine(guest(memory=4096)))

    done = running.do(UNIT, "ExecReload")

    assert done.out == (
        "guest k8s-1 runs on as it was started; `systemctl restart homelab-guest-k8s-1` gives it its new "
        "definition (a reboot from inside does not)\n"
    )
    assert running.virsh("domid", "k8s-1") == number
    assert memory(running, "--inactive") == 4096


def test_a_restart_gives_a_guest_its_new_definition(running: Host) -> None:
    running.switch(machine(guest(memory=4096)))

    assert running.do(UNIT, "ExecStop").code == 0
    assert running.do(UNIT).code == 0

    assert memory(running) == 4096


def test_a_reload_does_not_start_a_guest_that_somebody_stopped(running: Host) -> None:
    running.virsh("shutdown", "k8s-1")
    running.switch(machine(guest(memory=4096)))

    done = running.do(UNIT, "ExecReload")

    assert (done.code, done.out) == (0, "")
    assert "k8s-1" not in running.running()


def test_a_broken_definition_is_refused_and_the_old_one_stays(running: Host, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text((tmp_path / "etc-k8s-1.xml").read_text().replace("<devices>", "<devices><gadget/>"))
    before = running.virsh("dumpxml", "--inactive", "k8s-1")

    done = running.run("homelab-guest", "define", "k8s-1", broken)

    assert done.code != 0
    assert "XML document failed to validate against schema" in done.err
    assert running.virsh("dumpxml", "--inactive", "k8s-1") == before


def test_a_guest_made_by_hand_is_not_overwritten(host: Host) -> None:
    before = host.virsh("dumpxml", "test")
    host.switch(machine(guest("test", disks="", more=LAN)))

    done = host.do("homelab-guest-test")

    assert done.code != 0
    assert "domain 'test' already exists with uuid" in done.err
    assert host.virsh("dumpxml", "test") == before


def test_stopping_the_unit_shuts_the_guest_down(running: Host) -> None:
    done = running.do(UNIT, "ExecStop")

    assert (done.code, done.out, done.err) == (0, "", "")
    assert running.running() == {"test"}
    assert running.calls("virsh")[-2:] == [["-q", "shutdown", "k8s-1"], ["list", "--name"]]


def test_stopping_a_guest_that_is_off_is_no_error(host: Host) -> None:
    assert host.do(UNIT, "ExecStop").code == 0


def test_a_guest_that_does_not_shut_down_in_time_is_unplugged(running: Host) -> None:
    running.switch(machine(guest(), "shutdownTimeout = 2;"))

    done = running.do(UNIT, "ExecStop", STUBBORN="1")

    assert (done.code, done.out) == (0, "guest k8s-1 did not shut down within 2 s: its plug is pulled\n")
    assert running.running() == {"test"}


def test_a_libvirtd_that_is_off_is_not_woken_by_a_stop(host: Host) -> None:
    assert host.do(UNIT, "ExecStop", LIBVIRTD_IS_OFF="1").code == 0
    assert host.calls("virsh") == []


def test_without_libvirt_a_guest_does_not_count_as_stopped(host: Host) -> None:
    nowhere = {"LIBVIRT_DEFAULT_URI": "test+unix:///default?socket=/nonexistent"}

    done = host.do(UNIT, "ExecStop", **nowhere)

    assert done.code == 1
    assert done.err.endswith("guest k8s-1: libvirt does not answer\n")


# Leaving


def test_a_guest_that_left_is_shut_down_and_forgotten_and_its_disk_stays(host: Host, tmp_path: Path) -> None:
    both = guest() + web(tmp_path)
    host.switch(machine(both))
    assert host.do(UNIT).code == host.do("homelab-guest-web").code == 0
    (tmp_path / "web.raw").write_bytes(b"precious")
    host.switch(machine(guest()))

    done = host.do(FORGET)

    assert (done.code, done.out) == (
        0,
        f"guest web left the inventory and is forgotten; its disks stay: {tmp_path}/web.raw\n",
    )
    assert host.defined() == host.running() == {"test", "k8s-1"}
    assert (tmp_path / "web.raw").read_bytes() == b"precious"


def test_a_guest_that_comes_back_finds_its_disk(host: Host, tmp_path: Path) -> None:
    host.switch(machine(web(tmp_path)))
    host.do("homelab-guest-web")
    content = b"precious" * (1024**2 // 8)
    (tmp_path / "web.raw").write_bytes(content)
    host.switch(machine(""))
    host.do(FORGET)
    host.switch(machine(web(tmp_path)))

    assert host.do("homelab-guest-web").out == "guest web: started\n"
    assert (tmp_path / "web.raw").read_bytes() == content


def test_what_is_forgotten_keeps_its_uefi_variables(running: Host) -> None:
    running.switch(machine(""))

    running.do(FORGET)

    (undefine,) = [call for call in running.calls("virsh") if "undefine" in call]
    assert undefine[2:] == [UUID, "--keep-nvram", "--snapshots-metadata", "--checkpoints-metadata"]


def test_a_guest_of_another_host_that_migrated_here_is_left_alone(running: Host) -> None:
    running.switch(machine("").replace('hostName = "dl1"', 'hostName = "dl2"'))

    done = running.do(FORGET)

    assert (done.code, done.out) == (0, "")
    assert "k8s-1" in running.running()


def test_a_guest_renamed_is_gone_before_the_new_name_is_defined(running: Host) -> None:
    running.switch(machine(guest("k8s-a")))

    assert running.do(FORGET).code == 0
    assert running.do("homelab-guest-k8s-a").code == 0

    assert running.running() == {"test", "k8s-a"}


def test_a_guest_with_saved_memory_is_kept_and_the_others_are_forgotten(host: Host, tmp_path: Path) -> None:
    host.switch(machine(guest() + web(tmp_path)))
    host.do(UNIT)
    host.do("homelab-guest-web")
    host.virsh("managedsave", "k8s-1")
    host.switch(machine(""))

    done = host.do(FORGET)

    assert done.code == 1
    assert done.err.endswith(
        "guest k8s-1 left the inventory but could not be forgotten; if libvirt holds saved memory of it, "
        "`virsh start k8s-1` brings it back and `virsh managedsave-remove k8s-1` drops that memory\n"
    )
    assert host.defined() == {"test", "k8s-1"}
