"""The hosts that other tests rely on do what hosts do."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab import slots
from tests.lab.hosts import HostFailed, LabHost, lab
from tests.lab.needs import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(missing() != "", reason=missing() or "nothing is missing")

Hosts = dict[str, LabHost]
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something took; `pytest -s` shows it."""
    before = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - before:.2f} s")  # noqa: T201 - the times are asked for with -s


def test_three_hosts_start_in_seconds() -> None:
    before = time.monotonic()
    with timed("start of three hosts"), lab(["a", "b", "c"]) as hosts:
        assert time.monotonic() - before < 15, "two seconds on a quiet machine"
        assert [host.said("hostname") for host in hosts.values()] == ["a", "b", "c"]


def test_every_host_comes_up_without_a_failed_unit(lab_hosts: Hosts) -> None:
    states = {host.said("systemctl is-system-running --wait") for host in lab_hosts.values()}
    assert states == {"running"}


def test_every_host_has_an_identity_of_its_own(lab_hosts: Hosts) -> None:
    for asked in ("hostname", "cat /etc/machine-id", BOOT_ID):
        assert len({host.said(asked) for host in lab_hosts.values()}) == 3, asked
    assert len({host.host_key for host in lab_hosts.values()}) == 3
    assert all(host.host_key.startswith("ssh-ed25519 AAAA") for host in lab_hosts.values())


def test_a_host_with_another_key_than_the_pinned_one_is_refused(lab_hosts: Hosts) -> None:
    n1, n2 = lab_hosts["n1"], lab_hosts["n2"]
    pinned_of_another = [word.replace(str(n1.known_hosts), str(n2.known_hosts)) for word in n1.ssh()]
    pinned_of_another = [word.replace("HostKeyAlias=n1", "HostKeyAlias=n2") for word in pinned_of_another]
    done = subprocess.run([*pinned_of_another, "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 255
    assert "Host key verification failed." in done.stderr


def test_the_hosts_reach_each_other(lab_hosts: Hosts) -> None:
    lab_hosts["n1"].run(f"ping -c 1 -W 2 {lab_hosts['n3'].address}")


@pytest.mark.parametrize(
    ("user", "script", "answer"),
    [
        ("root", "id -u", "0"),
        ("admin", "sudo -n id -u", "0"),
        ("careful", "echo lab | sudo -S -p '' id -u", "0"),
        ("careful", "sudo -n true 2>/dev/null || echo refused", "refused"),
        ("nobody-special", "echo lab | sudo -S -p '' true 2>/dev/null || echo refused", "refused"),
    ],
)
def test_there_are_people_with_and_without_sudo(lab_hosts: Hosts, user: str, script: str, answer: str) -> None:
    done = subprocess.run([*lab_hosts["n1"].ssh(user), script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (answer, "")


def test_a_host_reboots_and_keeps_its_disk(lab_hosts: Hosts) -> None:
    host = lab_hosts["n1"]
    before = host.said(f"echo kept > /root/note; {BOOT_ID}")
    with timed("reboot"):
        host.reboot()
    assert host.said("cat /root/note") == "kept"
    assert host.said(BOOT_ID) != before
    assert host.said("systemctl is-system-running --wait") == "running"


def test_what_a_host_wrote_in_its_journal_is_there_after_a_reboot(lab_hosts: Hosts) -> None:
    host = lab_hosts["n1"]
    host.run("logger -t lab said before; journalctl --sync")
    host.reboot()
    assert host.said("journalctl --boot=-1 --identifier=lab --output=cat") == "said before"


def test_a_host_that_loses_its_power_is_silent_and_comes_back(lab_hosts: Hosts) -> None:
    host = lab_hosts["n2"]
    host.run("echo kept > /root/note")
    with subprocess.Popen([*host.ssh(), "sleep 60"], stderr=subprocess.DEVNULL) as connection:
        host.run("until pgrep -x sleep; do sleep 0.05; done")
        with timed("loss of power"):
            host.lose_power()
        assert connection.poll() is None, "nobody told the other side"
        connection.kill()
    assert not host.is_on
    with pytest.raises(HostFailed):
        host.run("true")
    with timed("power on"):
        host.power_on()
        host.reachable()
    assert host.said("cat /root/note") == "kept"


def test_a_host_that_was_switched_off_starts_again(lab_hosts: Hosts) -> None:
    host = lab_hosts["n2"]
    host.stop()
    assert not host.is_on
    host.power_on()
    host.reachable()


def test_a_host_that_is_cut_off_goes_on_working(lab_hosts: Hosts) -> None:
    host = lab_hosts["n3"]
    host.run("systemd-run --on-active=0.5 --timer-property=AccuracySec=10ms touch /root/worked-on")
    host.cut_network()
    with pytest.raises(HostFailed, match=r"timed out|No route to host"):
        host.run("true")
    assert host.inside("until [ -e /root/worked-on ]; do sleep 0.05; done; hostname").stdout == "n3\n"
    assert lab_hosts["n1"].said("hostname") == "n1"
    with timed("network back"):
        host.restore_network()
        host.reachable()
    assert host.said("rm /root/worked-on && echo there") == "there"


def test_an_erased_host_is_as_new_but_the_same_host(lab_hosts: Hosts) -> None:
    host = lab_hosts["n1"]
    host.run("echo gone > /root/note")
    identity = host.said("cat /etc/machine-id"), host.host_key
    with timed("erase"):
        host.erase()
    assert host.said("ls /root") == ""
    assert (host.said("cat /etc/machine-id"), host.host_key) == identity


def test_a_host_does_nothing_to_the_machine_it_runs_on(lab_hosts: Hosts) -> None:
    host = lab_hosts["n1"]
    for script in (
        "echo 1 > /proc/sys/kernel/panic",
        "echo s > /proc/sysrq-trigger",
        "date --set=2001-01-01",
        "modprobe dummy",
        "echo 1 > /sys/class/net/eth0/mtu",
    ):
        assert host.run(script, check=False).returncode != 0, script


def test_a_lab_whose_test_run_was_killed_is_removed_by_the_next(tmp_path: Path) -> None:
    said = tmp_path / "slot"
    program = f"""
import pathlib, time
from tests.lab.hosts import lab
with lab(["left"]) as hosts:
    pathlib.Path({str(said)!r}).write_text(str(hosts["left"].lab))
    time.sleep(300)
"""
    with subprocess.Popen([sys.executable, "-c", program]) as killed:
        while not said.exists() or not said.read_text():
            assert killed.poll() is None
            time.sleep(0.05)
        killed.kill()
    number = int(said.read_text())
    assert slots.cgroup(number, "left").is_dir(), "it runs on"
    with slots.slot() as mine:
        assert mine == number or not slots.cgroup(number).exists()
        left = [slots.cgroup(number), slots.RUN / str(number), Path("/sys/class/net") / slots.name(number)]
        assert [path for path in left if path.exists()] == []
        assert list(Path("/run/netns").glob(f"{slots.name(number)}*")) == []
