"""How QEMU is started: the same for every virtual machine, for a state that was saved goes on in nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

READY = "ready"  # the name of the saved state
ADDRESS = "127.0.0.1"
_FIRST_PORT = 20000
_FIRST_WIRE = 24000
_MOST = 8  # machines of a lab
_MEMORY = "512"
# The emulation of cmpxchg16b in QEMU 7.2 is broken: half of all systems died of it when they booted.
_PROCESSOR = "max,cx16=off"
_KERNEL = (
    "console=ttyS0 quiet loglevel=3 mitigations=off systemd.show_status=0 random.trust_cpu=on net.ifnames=0"
    " drbd.usermode_helper=/run/current-system/sw/bin/drbdadm"
)


@dataclass(frozen=True, slots=True)
class Wires:
    """What a machine is connected with: numbers of its lab and of itself, which no other machine here has both of."""

    lab: int
    number: int

    @property
    def port(self) -> int:
        """Where on this machine its sshd is reached."""
        return _FIRST_PORT + self.lab * _MOST + self.number

    @property
    def shared(self) -> str:
        """What all machines of a lab hear on, and nobody outside of this machine."""
        return f"mcast=230.77.{self.lab}.1:{_FIRST_WIRE + self.lab},localaddr={ADDRESS}"


def wired(number: int) -> str:
    """The hardware address of a machine's card on the shared wire."""
    return f"52:54:00:bb:00:{number + 1:02x}"


def command(image: Path, root: Path, place: Path, wires: Wires) -> list[str]:
    """QEMU with everything but data disks, which are plugged in when it runs."""
    nic = "virtio-net-pci,romfile="
    return [
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", "pc,usb=off", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", _PROCESSOR, "-m", _MEMORY),
        *("-kernel", str(image / "kernel"), "-initrd", str(image / "initrd"), "-append", _KERNEL),
        *("-serial", f"file:{place / 'console'}", "-qmp", f"unix:{place / 'monitor'},server=on,wait=off"),
        *("-device", "virtio-rng-pci"),
        *("-netdev", f"user,id=login,restrict=on,hostfwd=tcp:{ADDRESS}:{wires.port}-:22"),
        *("-device", f"{nic},netdev=login,mac=52:54:00:aa:00:01"),
        *("-netdev", f"socket,id=wire,{wires.shared}", "-device", f"{nic},netdev=wire,mac=52:54:00:bb:00:ff"),
        *("-drive", f"if=none,id=root,file={root},format=qcow2,cache=unsafe"),
        *("-device", "virtio-blk-pci,drive=root"),
    ]
