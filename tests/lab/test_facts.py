"""`pyhomelab facts` on real hosts: their disks, what is on them, and what a poor system cannot tell."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.facts.answer import SCRIPT, facts_of
from pyhomelab.shell import Done
from tests.lab.needs import missing
from tests.lab.told import Admin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.hosts import LabHost

pytestmark = pytest.mark.skipif(missing() != "", reason=missing() or "nothing is missing")

_MIB = 1 << 20


@pytest.fixture
def admin(fresh_hosts: dict[str, LabHost], tmp_path: Path) -> Admin:
    """Somebody with a key and no inventory."""
    (tmp_path / "nowhere").mkdir()
    return Admin(tmp_path / "nowhere", tmp_path / "home", fresh_hosts)


def fingerprint(host: LabHost) -> str:
    blob = base64.b64decode(host.host_key.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def facts(admin: Admin, user: str = "root") -> dict[str, Any]:
    """Give what the host n1, which no inventory knows, tells a user."""
    host = admin.hosts["n1"]
    told = admin.tells("facts", f"{user}@{host.address}", "--host-key", fingerprint(host), "--json")
    assert (told.code, told.err) == (0, [])
    found: dict[str, Any] = json.loads("\n".join(told.out))["facts"]
    return found


@contextmanager
def disk(host: LabHost, directory: Path) -> Iterator[str]:
    """Give the name of a disk with an ext4 called `films`, 64 MiB in size, which the host has a device for."""
    file = directory / "disk"
    with file.open("wb") as opened:
        opened.truncate(64 * _MIB)
    subprocess.run(["mkfs.ext4", "-q", "-L", "films", file], check=True)
    path = subprocess.check_output(["losetup", "--find", "--show", file], text=True).strip()
    name = path.removeprefix("/dev/")
    try:
        numbers = subprocess.check_output(["lsblk", "--nodeps", "--noheadings", "--output", "MAJ:MIN", path], text=True)
        host.run(f"mknod {path} b {numbers.strip().replace(':', ' ')}")
        yield name
    finally:
        host.run(f"umount {path}; rm -f {path}", check=False)
        subprocess.run(["losetup", "--detach", path], check=True)


def test_a_host_tells_what_its_kernel_shows_and_nothing_on_it_changes(admin: Admin) -> None:
    host = admin.hosts["n1"]
    look = "find /etc /root /home /var/lib -xdev -printf '%p %T@ %C@ %l\\n' | sort"
    before = host.said(look)
    found = facts(admin)
    assert host.said(look) == before
    assert (found["hostname"], found["architecture"]) == ("n1", host.said("uname -m"))
    assert found["system"] == host.said(". /etc/os-release; echo $PRETTY_NAME")
    assert found["cpu_threads"] == int(host.said("grep -c ^processor /proc/cpuinfo"))
    total = int(host.said("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) << 10
    assert total <= found["memory"] < total * 1.1 + (1 << 30)
    sizes = dict(
        line.split() for line in host.said("lsblk --nodeps --bytes --noheadings --output NAME,SIZE").split("\n")
    )
    assert {one["name"]: str(one["size"]) for one in found["disks"]} == {
        name: size for name, size in sizes.items() if size != "0" and not name.startswith("zram")
    }


def test_a_disk_that_the_host_has_no_device_for_is_not_taken_for_an_empty_one(admin: Admin) -> None:
    there = set(admin.hosts["n1"].said("cd /dev; find . -type b -printf '%P\\n'").split())
    unseen = [one for one in facts(admin)["disks"] if one["name"] not in there]
    assert unseen, "the disk of this machine is not in its hosts"
    for one in unseen:
        assert f"nobody can look at it from there: it has no device ({one['name']})" in one["uses"]


def test_what_lies_on_a_disk_and_where_it_is_mounted_is_told(admin: Admin, tmp_path: Path) -> None:
    host = admin.hosts["n1"]
    with disk(host, tmp_path) as name:
        (one,) = [one for one in facts(admin)["disks"] if one["name"] == name]
        assert (one["size"], one["filesystem"], one["label"]) == (64 * _MIB, "ext4", "films")
        assert one["uses"] == ["a file of a filesystem, which looks like a disk"]
        host.run(f"mount /dev/{name} /mnt")
        (one,) = [one for one in facts(admin)["disks"] if one["name"] == name]
        assert one["uses"] == [f"mounted at /mnt ({name})", "a file of a filesystem, which looks like a disk"]


def test_a_disk_with_the_signs_of_two_filesystems_is_said_to_hold_several(admin: Admin, tmp_path: Path) -> None:
    host = admin.hosts["n1"]
    with disk(host, tmp_path) as name:
        # of squashfs, before the first block of the ext4
        host.run(f"{{ printf hsqs; head -c 24 /dev/zero; printf '\\004\\0\\0\\0'; }} >/dev/{name}")
        (one,) = [one for one in facts(admin)["disks"] if one["name"] == name]
        assert (one["filesystem"], one["label"]) == ("several at once", None)


def test_somebody_who_is_not_root_is_told_less_and_that_this_is_so(admin: Admin) -> None:
    found = facts(admin, "nobody-special")
    assert found["cpu_threads"] == facts(admin)["cpu_threads"]
    assert found["missing"] == ["what else may lie on its disks: only root can look, by wipefs (util-linux)"]
    assert (found["knows_contents"], facts(admin)["knows_contents"]) == (False, True)


def test_a_poor_system_tells_what_it_can_and_what_it_lacks(admin: Admin) -> None:
    admin.hosts["n1"].run("rm /usr/bin/lsblk /usr/bin/ip /usr/sbin/ip /etc/os-release /usr/lib/os-release", check=False)
    found = facts(admin)
    assert found["missing"] == [
        "its disks: there is no lsblk (util-linux)",
        "the addresses and other names of its network cards: there is no ip (iproute2)",
    ]
    assert (found["disks"], found["system"], found["hostname"]) == ([], "an unknown system", "n1")
    assert found["cpu_threads"] > 0


def test_a_rescue_system_of_nothing_but_busybox_tells_what_it_can(admin: Admin) -> None:
    host = admin.hosts["n1"]
    applets = "sh uname readlink tr timeout id ip"
    host.run(
        "mkdir -p /rescue/bin /rescue/sys /rescue/proc /rescue/dev && cp $(command -v busybox) /rescue/bin/busybox\n"
        f"for applet in {applets}; do ln -s busybox /rescue/bin/$applet; done\n"
        "for tree in sys proc dev; do mount --rbind /$tree /rescue/$tree; done\n"
    )
    done = host.run("chroot /rescue /bin/sh -s", stdin=SCRIPT)
    found = facts_of("n1", Done(done.returncode, done.stdout, done.stderr))
    assert found.missing == (
        "its disks: there is no lsblk (util-linux)",
        "the addresses and other names of its network cards: its ip gave no answer; it is perhaps not that of iproute2",
        "what else may lie on its disks: only root can look, by wipefs (util-linux)",
    )
    assert (found.system, found.hostname) == ("an unknown system", "n1")
    assert found.cpu_threads == int(host.said("grep -c ^processor /proc/cpuinfo"))


def test_an_lsblk_that_knows_one_mount_of_each_disk_is_asked_for_that(admin: Admin, tmp_path: Path) -> None:
    host = admin.hosts["n1"]
    old = '#!/bin/sh\ncase " $* " in *MOUNTPOINTS*) exit 1 ;; *) exec lsblk.new "$@" ;; esac\n'
    host.run("mv /usr/bin/lsblk /usr/bin/lsblk.new; cat >/usr/bin/lsblk; chmod 755 /usr/bin/lsblk", stdin=old)
    with disk(host, tmp_path) as name:
        host.run(f"mount /dev/{name} /mnt")
        (one,) = [one for one in facts(admin)["disks"] if one["name"] == name]
        assert one["uses"][0] == f"mounted at /mnt ({name})"


def test_a_host_that_answers_nonsense_is_said_to(admin: Admin) -> None:
    host = admin.hosts["n1"]
    host.run("printf '#!/bin/sh\\necho \"{\"\\n' >/usr/local/bin/lsblk; chmod 755 /usr/local/bin/lsblk")
    host.run("printf 'export PATH=/usr/local/bin:$PATH\\n' >/root/.profile; ln -sf /usr/local/bin/lsblk /usr/bin/lsblk")
    told = admin.tells("facts", f"root@{host.address}", "--host-key", fingerprint(host))
    assert (told.code, told.out) == (4, [])
    assert told.err == [f"{host.address}: answered with something that makes no sense"]


def test_the_host_key_of_a_host_that_nobody_knows_has_to_be_accepted(admin: Admin) -> None:
    host = admin.hosts["n1"]
    told = admin.tells("facts", f"root@{host.address}")
    assert (told.code, told.out) == (4, [])
    assert told.err[0].endswith(f"`--host-key {fingerprint(host)}` accepts it for once")
