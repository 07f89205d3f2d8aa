"""Hosts to try things on: each boots a Debian of its own, can be cut off, lose its power, reboot, be erased."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import disks, network, slots
from tests.lab.image import image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BOOT = Path(__file__).with_name("boot.sh")
_PATIENCE = 30.0
_FIRST = 11  # the last byte of the first host's address


class HostFailed(Exception):
    """A host did not come up, or a command on it failed; the message has what was said last."""


@dataclass
class LabHost:
    """One host. It is on the network at `address`, port 22, and takes `key` for root."""

    name: str
    address: str
    key: Path
    """The private key that logs in as root, admin (sudo), careful (sudo with the password `lab`), nobody-special."""
    lab: int
    layers: tuple[Path, ...]
    """What its disk holds before anything is written: an image, and before it what comes on top."""
    port: int = 22
    _boot: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def place(self) -> Path:
        """The directory of this host: `root` is its disk, `console` what it said when it booted."""
        return slots.RUN / str(self.lab) / self.name

    @property
    def disk(self) -> Path:
        """The root directory of this host, as seen from outside."""
        return disks.root(self.place)

    @property
    def host_key(self) -> str:
        """The public host key, as in `ssh_host_ed25519_key.pub` but without a comment."""
        return " ".join((self.disk / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2])

    @property
    def known_hosts(self) -> Path:
        """A known_hosts file with this host's key only."""
        return self.place / "known_hosts"

    @property
    def is_on(self) -> bool:
        """Whether the host has power; it may still be booting."""
        return self._boot is not None and self._boot.poll() is None

    def power_on(self) -> None:
        """Start to boot; `reachable` waits until that is done."""
        if self.is_on:
            return
        network.plug_in(self.lab, self.name, self.address)
        group = slots.cgroup(self.lab, self.name)
        slots.kill(group)  # of a host that switched itself off
        group.mkdir()
        with (self.place / "console").open("ab") as console:
            self._boot = subprocess.Popen(
                ["sh", _BOOT, slots.cgroup(self.lab), group, slots.name(self.lab, self.name), self.disk, self.name],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    def lose_power(self) -> None:
        """Be off at once: no process ends in order, no connection is closed."""
        if self._boot is None:
            return
        self.cut_network()
        self._boot.kill()
        slots.kill(slots.cgroup(self.lab, self.name))
        self._boot.wait()
        self._boot = None

    def stop(self) -> None:
        """Switch off in order."""
        self.run("systemctl poweroff", check=False)
        if self._boot is not None:
            self._boot.wait(_PATIENCE)

    def reboot(self) -> None:
        """Reboot in order, and wait until ssh is back."""
        before = self.said("cat /proc/sys/kernel/random/boot_id")
        self.run("systemctl reboot", check=False)
        self.rebooted(before)

    def rebooted(self, before: str) -> None:
        """Wait until the host is up with another boot id than `before`."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self._answers():
                done = self.run("cat /proc/sys/kernel/random/boot_id", check=False)
                if done.returncode == 0 and done.stdout.strip() != before:
                    return
            time.sleep(0.02)
        raise HostFailed(f"{self.name} did not reboot in {_PATIENCE:g} s\n{self._console()}")

    def cut_network(self) -> None:
        """Nothing reaches the host any more, and nothing from it gets out; open connections hang."""
        network.cut(self.lab, self.name)

    def restore_network(self) -> None:
        """The cable is in again."""
        network.restore(self.lab, self.name)

    def save(self, name: str) -> None:
        """Keep the disk as it is now under a name; the host reboots."""
        self.stop()
        disks.save(self.place, name)
        self.power_on()
        self.reachable()

    def put_back(self, name: str = disks.NEW) -> None:
        """Boot from the disk that was saved under this name, or from one as new; the host stays the same host."""
        self.lose_power()
        disks.unmount(self.place)
        disks.take(self.place, name)
        self.make_disk()
        self.power_on()

    def erase(self) -> None:
        """Be as new, and up."""
        self.put_back()
        self.reachable()

    def reachable(self) -> None:
        """Wait until sshd answers."""
        until = time.monotonic() + _PATIENCE
        while not self._answers():
            if time.monotonic() > until or not self.is_on:
                raise HostFailed(f"{self.name} did not come up\n{self._console()}")
            time.sleep(0.02)

    @property
    def ssh_options(self) -> list[str]:
        """The options with which ssh reaches this host and no other, whatever the user's own settings are."""
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "3",
            "HostKeyAlias": self.name,
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(self.known_hosts),
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["-F", "none", *words, "-i", str(self.key), "-p", str(self.port)]

    def ssh(self, user: str = "root") -> list[str]:
        """The words that start ssh to this host; a command follows them."""
        return ["ssh", *self.ssh_options, f"{user}@{self.address}"]

    def run(self, script: str, *, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a shell's text as root over ssh."""
        return _done([*self.ssh(), script], self.name, check=check, stdin=stdin)

    def said(self, script: str) -> str:
        """What a shell's text prints, without white space at its ends."""
        return self.run(script).stdout.strip()

    def inside(self, script: str, *, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a shell's text as root without any network, as at the host's console."""
        first = (slots.cgroup(self.lab, self.name) / "init.scope/cgroup.procs").read_text().split()[0]
        spaces = ["nsenter", "--target", first, "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        return _done([*spaces, "sh", "-c", script], self.name, check=check, stdin=stdin)

    def make_disk(self) -> None:
        """Mount the disk and make it this host's."""
        disks.mount(self.place, self.layers)
        etc = self.disk / "etc"
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        machine = uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.lab}.{self.name}")  # the same on the next disk
        (etc / "machine-id").write_text(f"{machine.hex}\n")
        shutil.copy(self.key.with_suffix(".pub"), etc / "ssh/authorized_keys")
        for key in self.place.glob("ssh_host_ed25519_key*"):
            shutil.copy(key, etc / "ssh")
        self.known_hosts.write_text(f"{self.name} {self.host_key}\n")

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.address, self.port), timeout=1) as sock:
                return sock.recv(4) == b"SSH-"
        except OSError:
            return False

    def _console(self) -> str:
        return "\n".join((self.place / "console").read_text(errors="replace").splitlines()[-20:])


@contextmanager
def lab(names: Sequence[str], *layers: Path) -> Iterator[dict[str, LabHost]]:
    """Hosts of these names, up and reachable by ssh, on a network of their own that this machine is in too.

    `layers` are what their disks hold at first, an image at the end; without them it is the image of all test hosts.
    """
    layers = layers or (image(),)
    with slots.slot() as number:
        place = slots.RUN / str(number)
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", place], check=True)
        slots.cgroup(number).mkdir()
        subnet = f"10.213.{number}"
        network.make_switch(number, f"{subnet}.1/24")
        key = place / "key"
        _make_key(key)
        hosts = {
            name: LabHost(name=name, address=f"{subnet}.{_FIRST + index}", key=key, lab=number, layers=layers)
            for index, name in enumerate(names)
        }
        try:
            for host in hosts.values():
                host.place.mkdir()
                _make_key(host.place / "ssh_host_ed25519_key")
                host.make_disk()
                host.power_on()
            for host in hosts.values():
                host.reachable()
            yield hosts
        finally:
            for host in hosts.values():
                host.lose_power()


def _make_key(file: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file], check=True)


def _done(argv: list[str], name: str, *, check: bool, stdin: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=120, check=False)
    if check and done.returncode != 0:
        raise HostFailed(f"{name}: exit {done.returncode} of {argv[-1]}\n{done.stdout}{done.stderr}")
    return done
