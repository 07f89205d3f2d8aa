"""A virtual machine that has booted, saved with its memory: what all others go on from."""

from __future__ import annotations

import hashlib
import inspect
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.lab import slots, vm_qemu
from tests.lab.image import CACHE, alone
from tests.lab.vms import Vm

if TYPE_CHECKING:
    from pathlib import Path

# The modules take their time to be loaded, so they already are.
_WARM = """
modprobe zfs && modprobe drbd
while systemctl is-system-running | grep -qE 'starting|initializing'; do sleep 1; done
zpool list; zfs list; drbdadm --version; sanoid --version; sgdisk --version; python3 --version
sync
true
"""


def vm_state(image: Path) -> Path:
    """A disk with the memory of a machine that has booted from this image; booted now when there is none for this QEMU."""
    kept = CACHE / f"vm-state-{_key(image)}.qcow2"
    with alone(CACHE / "vm-state.lock"):
        if not kept.is_file():
            _boot(image, kept)
    return kept


def _key(image: Path) -> str:
    program = shutil.which("qemu-system-x86_64") or ""
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    told = repr((image.name, version, inspect.getsource(vm_qemu), _WARM))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _boot(image: Path, kept: Path) -> None:
    with slots.slot() as lab:
        vm = Vm("first", lab, 0, image, {})
        try:
            vm.power_on()
            vm.reachable()
            vm.run(_WARM)
            made = kept.with_suffix(".new")
            shutil.move(vm.save(), made)
            made.rename(kept)
        finally:
            vm.lose_power()
