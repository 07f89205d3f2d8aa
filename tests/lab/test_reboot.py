"""A real host reboots into a system: what proves it, what brings the old one back, and who decides when."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pyhomelab import comeback
from pyhomelab.comeback import Comeback, reboot
from pyhomelab.reboots import RebootEnding, Rebooted, RebootPhase, rebooted
from pyhomelab.stages.activation import Collected, HostChanged, Locked, NotArmed, arm
from pyhomelab.stages.reboot import Begun, abandon, begin, hindered_by, prove, reboot_state
from pyhomelab.trial import Ending, Order, Trial
from tests.lab.needs import missing_for_systems
from tests.lab.trials import BOOT_ID, RUN, machine

if TYPE_CHECKING:
    from tests.lab.trials import Machine

pytestmark = [
    pytest.mark.nix,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]
__all__ = ["machine"]

KERNEL = "boot.kernelPackages = lib.mkForce pkgs.linuxPackages_6_12;"
WEB = "stub.services.web = { };"
UNAWARE = "systemd.services.pyhomelab-proof.enable = lib.mkForce false;"
BOOTED = "readlink /run/booted-system"
LEFT = "ls /var/lib/pyhomelab/proof/order /etc/systemd/system.control /nix/var/nix/gcroots/pyhomelab-proof 2>/dev/null"
AT_BOOT = '[ -n "$NIXOS_ACTION" ] ||'
"""Before a command of an activation script: only when the system is booted."""


def at_boot(text: str) -> str:
    """Settings of a system that does something when it is booted."""
    return f"system.activationScripts.mistake = ''{AT_BOOT} {{ {text}; }}'';"


NO_SSH = at_boot("ln -s /dev/null /run/systemd/system/ssh.service")
PANICS = at_boot("touch /run/panic")
HANGS = at_boot("sleep 1000")


def order_of(machine: Machine, new: str, *, proof: int = 20) -> Trial:
    """A reboot of the host into a system, by somebody."""
    order = Order(machine.first, new, activation_seconds=20, probation_seconds=proof)
    return Trial(machine.host.name, RUN, order, "mika@laptop (process 42)")


def begun(machine: Machine, trial: Trial) -> Comeback:
    """Somebody who has begun a reboot."""
    with machine.shell() as shell:
        return Comeback(begin(shell, trial), machine.reach, 20, machine._pause)  # noqa: SLF001 - it ends what hangs


def into(machine: Machine, settings: str, *, proof: int = 20, against: str | None = None) -> tuple[Rebooted, str]:
    """Reboot the host into a system with these settings; gives how it ended, and the system."""
    trial = order_of(machine, machine.given(settings), proof=proof)
    ended = reboot(trial, machine.reach, lambda: against, boot_seconds=20, pause=machine._pause)  # noqa: SLF001 - likewise
    return ended, trial.order.new


def is_tidy(machine: Machine) -> bool:
    """Whether nothing of the reboot is left on the host but what became of it."""
    return not machine.host.run(LEFT, check=False).stdout


def test_a_host_reboots_into_a_new_kernel_that_is_proven(machine: Machine) -> None:
    before = machine.host.said(BOOT_ID)
    ended, new = into(machine, KERNEL)
    assert (ended.ending, ended.why, ended.runs, ended.is_well) == (RebootEnding.REBOOTED, "", new, True)
    assert machine.systems() == [new] * 3
    assert machine.host.said(BOOTED) == new
    assert machine.host.said("ls /run/booted-system/kernel-modules/lib/modules").startswith("6.12.")
    assert machine.host.said(BOOT_ID) != before
    assert is_tidy(machine)
    machine.host.reboot()
    assert machine.systems() == [new] * 3, "it is the default for good"
