"""Virtual machines with a kernel of their own, emulated: each goes on in seconds from one that was booted once.

What a machine keeps is on its data disks; its system is as new each time that it gets power.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.lab import slots, vm_monitor
from tests.lab.hosts import HostFailed
from tests.lab.vm_files import packed
from tests.lab.vm_qemu import ADDRESS, READY, Wires, command, wired

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PATIENCE = 240.0  # for ssh, of an emulated machine among others
_LIMIT = 300.0  # for a command
_IN_GROUP = 'echo $$ >"$0/cgroup.procs" && exec "$@"'


@dataclass
class Vm:
    """One machine. Its root is reached with `run`; it shares a wire, eth1, with the other machines of its lab."""

    name: str
    lab: int
    number: int
    image: Path
    disks: Mapping[str, int]
    """The MiB of each data disk by its serial number, which is never changed by a loss of power."""
    address: str = ""
    """What it has on the shared wire, as 10.0.0.1/24; none if empty."""
    state: Path | None = None
    """The disk of a machine that has booted, with its memory, to go on from; without it the machine boots."""
    _qemu: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def place(self) -> Path:
        """The directory of this machine: its disks, `console` and `monitor`."""
        return slots.RUN / str(self.lab) / self.name

    def disk(self, serial: str) -> Path:
        """The file that is the data disk of this serial number."""
        return self.place / f"{serial}.raw"

    @property
    def is_on(self) -> bool:
        """Whether the machine has power."""
        return self._qemu is not None

    def power_on(self) -> None:
        """Have power; `reachable` waits until it can be used."""
        self.place.mkdir(parents=True, exist_ok=True)
        for serial, size in self.disks.items():
            if not self.disk(serial).exists():
                subprocess.run(["truncate", f"--size={size}M", self.disk(serial)], check=True)
        root = self.place / "root.qcow2"
        more: list[str] = []
        if self.state is not None:
            shutil.copyfile(self.state, root)
            more = ["-loadvm", READY]
        else:
            backing = ["-b", str(self.image / "disk"), "-F", "raw"]
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, root], check=True)
        self._start([*command(self.image, root, self.place, Wires(self.lab, self.number)), *more])

    def _start(self, qemu: list[str]) -> None:
        group = slots.cgroup(self.lab)
        group.mkdir(exist_ok=True)
        with (self.place / "qemu.log").open("ab") as log:
            self._qemu = subprocess.Popen(
                ["sh", "-c", _IN_GROUP, str(group), *qemu],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def lose_power(self) -> None:
        """Be off at once. What was written to the data disks and flushed is there; the rest may be."""
        if self._qemu is None:
            return
        self._qemu.kill()
        self._qemu.wait()
        self._qemu = None
        self.leave()

    def save(self) -> Path:
        """Be off, with the memory kept on the disk; gives that disk, for other machines to go on from."""
        self.leave()
        vm_monitor.said(self.place / "monitor", f"savevm {READY}")
        self.tell("quit")
        if self._qemu is not None:
            self._qemu.wait(_PATIENCE)
        return self.place / "root.qcow2"

    def leave(self) -> None:
        """End the login that `run` goes through."""
        subprocess.run([*self._ssh(), "-O", "exit", "vm"], capture_output=True, check=False)

    def resume(self) -> None:
        """Have power and a system as new, with its name, its address and its disks; returns when it can be used."""
        self.power_on()
        for serial in self.disks:
            self._plug_in(serial)
        self.reachable()
        self.run(self._settled(), timeout=_PATIENCE)

    def _settled(self) -> str:
        lines = [f"date --set=@{time.time():.0f}", f"echo {self.name} | tee /etc/hostname >/proc/sys/kernel/hostname"]
        lines += [f"ip link set eth1 address {wired(self.number)}"]
        lines += [f"ip addr add {self.address} dev eth1; ip link set eth1 up"] if self.address else []
        for serial in self.disks:
            lines.append(f"until grep -qsx {serial} /sys/block/vd*/serial; do sleep 0.1; done")
        return "\n".join([*lines, "udevadm settle"])

    def _plug_in(self, serial: str) -> None:
        node, medium = f"disk-{serial}", {"driver": "file", "filename": str(self.disk(serial))}
        self.tell("blockdev-add", **{"node-name": node, "driver": "raw", "file": medium, "cache": {"no-flush": True}})
        self.tell("device_add", driver="virtio-blk-pci", drive=node, serial=serial, id=node)

    def unplug_cable(self) -> None:
        """The shared wire carries nothing of this machine any more."""
        self.tell("set_link", name="wire", up=False)

    def plug_in_cable(self) -> None:
        """The shared wire is in again."""
        self.tell("set_link", name="wire", up=True)

    def tell(self, order: str, **arguments: object) -> None:
        """Have QEMU itself do something."""
        vm_monitor.told(self.place / "monitor", order, **arguments)

    def reachable(self) -> None:
        """Wait until root can log in; what is run afterwards goes through that login."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self._qemu is not None and self._qemu.poll() is not None:
                raise HostFailed(f"{self.name} has no power: {(self.place / 'qemu.log').read_text()}")
            # It stays for later commands, so it must hold on to nothing of ours: neither to a pipe nor to the terminal.
            login = [*self._ssh(), "-M", "-f", "-N", "-o", "ControlPersist=yes", "vm"]
            nothing = subprocess.DEVNULL
            if subprocess.run(login, stdin=nothing, stdout=nothing, stderr=nothing, check=False).returncode == 0:
                return
            time.sleep(0.2)
        raise HostFailed(f"{self.name} cannot be logged in to after {_PATIENCE:g} s")

    def run(self, text: str, *, check: bool = True, timeout: float = _LIMIT) -> subprocess.CompletedProcess[str]:
        """Run shell text as root; its stderr is joined to its stdout."""
        wrapped = f"exec 2>&1; {text}" if not check else f"exec 2>&1; set -e; {text}"
        done = subprocess.run(
            [*self._ssh(), "vm", f"bash -c {shlex.quote(wrapped)}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise HostFailed(f"{self.name}: {text}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def said(self, text: str) -> str:
        """What shell text prints, without the end of its last line."""
        return self.run(text).stdout.rstrip("\n")

    def install(self, files: Mapping[str, str], links: Mapping[str, str] | None = None) -> None:
        """Files of the machine hold these texts, and links point where they do; a text that begins with #! can be run."""
        command = [*self._ssh(), "vm", "tar --extract --no-same-owner --no-overwrite-dir --directory=/"]
        done = subprocess.run(
            command, input=packed(files, links or {}), capture_output=True, timeout=_LIMIT, check=False
        )
        if done.returncode != 0:
            raise HostFailed(f"{self.name}: {', '.join(files)} could not be written: {done.stderr.decode()}")

    def _ssh(self) -> list[str]:
        options = {
            "HostName": ADDRESS,
            "Port": str(Wires(self.lab, self.number).port),
            "User": "root",
            "IdentityFile": str(self.image / "key"),
            "ControlPath": str(self.place / "ssh"),
            "BatchMode": "yes",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "ConnectTimeout": "20",
        }
        return ["ssh", "-F", "none", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
