"""A test host that runs guests: a real libvirt and QEMU under the units and programs that the modules make of an inventory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from tests.lab.needs import missing_for_systems
from tests.lab.store import fill
from tests.modules.harness import evaluate

if TYPE_CHECKING:
    from tests.lab.hosts import LabHost

FORGET = "homelab-guests-forget.service"
_UNITS = "etc/systemd/system"
_SELECT = """
  lib.mapAttrs (_: unit: unit.text)
    (lib.filterAttrs (name: unit: lib.hasPrefix "homelab-guest" name && unit.wantedBy == [ "multi-user.target" ])
      config.systemd.units)
"""
# What the kernel, udev and NixOS's own modules give a hypervisor.
_GROUND = """\
[Unit]
Before=libvirtd.service
[Service]
Type=oneshot
RemainAfterExit=true
ExecStart=/usr/local/sbin/ground
[Install]
WantedBy=multi-user.target
"""
_LAY_GROUND = """\
#!/bin/sh -eu
mkdir -p /dev/net /run/libvirt
mknod -m 666 /dev/net/tun c 10 200
ln -sfn /usr/bin /run/libvirt/nix-emulators
ip link show br-lan >/dev/null 2>&1 || ip link add br-lan type bridge
ip link set br-lan up
for volume in /var/lib/volumes/*/*/*; do
  [ -e "$volume" ] || continue
  device=/dev/zvol/${volume#/var/lib/volumes/}
  mkdir -p "${device%/*}"
  ln -s "$volume" "$device"
done
"""
# ZFS needs a module of the kernel: its volumes are files here.
_ZFS = """\
#!/bin/bash
set -eu
dataset=${*: -1} volume=/var/lib/volumes/${*: -1}
case $1 in
list) [[ -e $volume ]] ;;
get) stat --format=%s "$volume" ;;
set) truncate --size="${2#volsize=}" "$volume" ;;
create)
  mkdir -p "${volume%/*}" "/dev/zvol/${dataset%/*}"
  truncate --size="$5" "$volume"
  ln -s "$volume" "/dev/zvol/$dataset"
  ;;
esac
"""
# There is no udev whose word could be waited for: a device is there, or it is not.
_UDEVADM = """\
#!/bin/sh
[ "$1" = wait ] && [ -e "$4" ]
"""
# Which package of Debian holds the programs of one of nixpkgs.
_PACKAGES = {
    "bash": ("bash",),
    "coreutils": ("coreutils",),
    "findutils": ("findutils",),
    "gnugrep": ("grep",),
    "gnused": ("sed",),
    "jq": ("jq",),
    "libvirt": ("libvirt-clients",),
    "qemu_kvm": ("qemu-utils",),
    "systemd": ("systemd", "udev"),
    "zfs-user": (),
}
_STAND_INS = {"systemd": {"udevadm": _UDEVADM}, "zfs-user": {"zfs": _ZFS}}
# What keeps a domain from starting where there is neither KVM nor a volume of ZFS, and what stands there instead.
_STARTABLE = {
    "<domain type='kvm'>": "<domain type='qemu'>",
    "mode='host-passthrough'>": "mode='maximum'>",
    "<driver name='vhost'/>": "<driver name='qemu'/>",
    "<disk device='disk' type='block'>": "<disk device='disk' type='file'>",
    "<source dev='/dev/zvol/": "<source file='/dev/zvol/",
}


@cache
def missing_for_guests() -> str:
    """Why no guest can be run on a test host here; empty when it can."""
    if not Path("/dev/net/tun").exists():
        return "guests of test hosts need /dev/net/tun"
    try:
        with NamedTemporaryFile(dir="/dev/shm") as file:
            os.close(os.open(file.name, os.O_RDWR | os.O_DIRECT))
    except OSError:
        return "guests of test hosts need a kernel whose tmpfs takes O_DIRECT (6.6)"
    return missing_for_systems()


@dataclass
class Hypervisor:
    """A host that runs what an inventory says of its guests."""

    host: LabHost
    _units: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        """Give a new host what is under libvirt."""
        self._write("usr/local/sbin/ground", _LAY_GROUND)
        self._write("usr/bin/zfs", _ZFS)
        self._write(f"{_UNITS}/ground.service", _GROUND)
        # As our module has NixOS write it.
        self._write("etc/default/libvirt-guests", "ON_BOOT=ignore\nON_SHUTDOWN=shutdown\n")
        # libvirtd asks for a delay of every shutdown, and logind grants it; there are no guests of users to wait for.
        self._write("etc/systemd/logind.conf.d/delay.conf", "[Login]\nInhibitDelayMaxSec=1\n")
        self.host.run(
            "systemctl daemon-reload && systemctl enable --quiet --now ground && systemctl restart systemd-logind"
        )

    def switch(self, module: str) -> None:
        """Run what a module, in Nix, says of guests, as a switch of NixOS would make it so."""
        old, new = self._units, evaluate(module, _SELECT)
        self._units = new
        gone = old.keys() - new.keys()
        self._do("stop", gone)
        fill(self.host.disk, new.values(), _PACKAGES, _STAND_INS, startable)
        wants = self.host.disk / _UNITS / "multi-user.target.wants"
        for name in gone:
            (wants / name).unlink()
            (self.host.disk / _UNITS / name).unlink()
        for name, text in new.items():
            self._write(f"{_UNITS}/{name}", text)
            if name not in old:
                (wants / name).symlink_to(f"../{name}")
        self.host.run("systemctl daemon-reload")
        changed = {name for name in old.keys() & new.keys() if old[name] != new[name]}
        self._do("reload", changed - {FORGET})
        self._do("restart", changed & {FORGET})
        self._do("start", new.keys() - old.keys())

    def said(self, guest: str) -> list[str]:
        """What the programs of a guest's unit have said since the host was booted."""
        unit = f"homelab-guest-{guest}"
        told = [f"--identifier={name}" for name in ("homelab-guest", f"{unit}-prepare")]
        return self.host.said(f"journalctl --quiet --boot --output=cat --unit={unit} {' '.join(told)}").splitlines()

    def virsh(self, *words: str) -> str:
        """What virsh answers; it must succeed."""
        return self.host.said(f"virsh --quiet --connect qemu:///system {' '.join(words)}")

    def _do(self, action: str, units: set[str]) -> None:
        if units:
            self.host.run(f"systemctl {action} {' '.join(sorted(units))}")

    def _write(self, path: str, text: str) -> None:
        file = self.host.disk / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if text.startswith("#!") else 0o644)


def startable(domain: str) -> str:
    """A domain that libvirt can start here: emulated, on files."""
    for text, other in _STARTABLE.items():
        domain = domain.replace(text, other)
    return domain
