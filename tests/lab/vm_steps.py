"""The checks and the steps of the VM tests, taken on a virtual machine that stands in for NixOS's."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyhomelab.checks import checks_of
from pyhomelab.inventory.load import load
from tests.test_vm_steps import steps

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.vms import Vm


@dataclass
class Console:
    """A virtual machine as the driver of the VM tests has one."""

    vm: Vm

    @property
    def name(self) -> str:
        """Its name in the inventory."""
        return self.vm.name

    def execute(self, command: str, /) -> tuple[int, str]:
        """Run a command as root, as the driver does."""
        done = self.vm.run(f"bash -c {shlex.quote(f'set -euo pipefail; {command}')}", check=False)
        return done.returncode, done.stdout


@dataclass
class Steps:
    """What the VM tests ask of the machines of a lab: the checks of a role, with the deep ones if they are wanted."""

    lab: Path
    role: str
    deep: bool = False

    def failing(self, vm: Vm) -> dict[str, str]:
        """What is wrong now, by the name of the check."""
        said = self._taken(vm)["findings"](Console(vm), self.role)
        return {name: reason for name, reason in said.items() if reason}

    def verify(self, vm: Vm) -> None:
        """Wait until all checks hold, each for as long as it may take."""
        self._taken(vm)["verify"](Console(vm), self.role)

    def verify_fails(self, vm: Vm, *names: str) -> None:
        """Wait until these checks do not hold any more."""
        self._taken(vm)["verify_fails"](Console(vm), *names)

    def _taken(self, vm: Vm) -> dict[str, Any]:
        asked = [check for check in checks_of(load(self.lab), deep=self.deep)[vm.name] if check.role == self.role]
        return steps(*asked, machine=vm.name)
