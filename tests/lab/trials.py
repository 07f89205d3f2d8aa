"""A host on which tests try systems."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pyhomelab.machines.targets import Target
from pyhomelab.model import Ssh
from pyhomelab.shell.network import Network
from pyhomelab.trials.activation import abort, acknowledge, arm
from pyhomelab.trials.trial import Order, Trial
from pyhomelab.trials.watch import Watch
from tests.lab.fixtures import INSTALLED
from tests.lab.systems import PROFILE, build_with, copy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyhomelab.shell import Shell
    from pyhomelab.trials.activation import Armed
    from pyhomelab.trials.trial import State
    from tests.lab.hosts import LabHost

RUN = "20261121T120000Z-0123abcd"
UNIT = f"pyhomelab-{RUN}"
RUNS = "readlink /run/current-system"
BOOTS = "readlink /boot/default"
DEFAULT = f"readlink -f {PROFILE}"
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
TESTED = '[ "$NIXOS_ACTION" != test ] ||'
"""Before a command of an activation script: only when the system is tried, not when it is booted."""
_PATIENCE = 180


class TookTooLong(Exception):
    """A test waited for a host longer than it should have to."""


@dataclass
class Machine:
    """A host that runs and boots `first`, and is about to be given other systems."""

    host: LabHost
    lab: Path
    first: str
    network: Network
    target: Target
    waited: float = 0

    @contextmanager
    def shell(self) -> Iterator[Shell]:
        """A shell of root, over a new connection."""
        shell = self.reach()
        try:
            yield shell
        finally:
            shell.close()

    def reach(self) -> Shell:
        """Log in as root, over a new connection."""
        return self.network.open(self.target, as_root=True)

    def given(self, settings: str) -> str:
        """A system with these settings, built and copied to the host."""
        toplevel = build_with(self.lab, self.host.name, settings)
        copy(self.host, toplevel, "--no-check-sigs")
        return toplevel

    def becomes(self, settings: str) -> None:
        """Make the host run and boot a system with these settings, as if it always had."""
        self.first = self.given(settings)
        self.host.run(f"nix-env --profile {PROFILE} --set {self.first}")
        self.host.run(f"{self.first}/bin/switch-to-configuration switch", check=False)
        assert self.is_as_before()

    def trial(self, new: str, *, activation: int = 20, probation: int = 15, run: str = RUN) -> Trial:
        """A trial of a system, by somebody."""
        order = Order(self.first, new, activation_seconds=activation, probation_seconds=probation)
        return Trial(self.host.name, run, order, "mika@laptop (process 42)")

    def arm(self, trial: Trial) -> Armed:
        """Have the host try a system."""
        with self.shell() as shell:
            return arm(shell, trial)

    def tried(self, settings: str, *, activation: int = 20, probation: int = 15) -> Watch:
        """Have the host try a system with these settings."""
        armed = self.arm(self.trial(self.given(settings), activation=activation, probation=probation))
        return Watch(armed, self.reach, self._pause)

    def activated(self, settings: str, *, activation: int = 20, probation: int = 15) -> tuple[Watch, State]:
        """Have the host try a system with these settings, and wait until it runs."""
        watch = self.tried(settings, activation=activation, probation=probation)
        state = watch.activated()
        assert state.is_activated, state
        return watch, state

    def acknowledge(self, watch: Watch) -> None:
        """Confirm over a new connection."""
        with self.shell() as shell:
            acknowledge(shell, watch.armed.trial)

    def abort(self, watch: Watch, reason: str) -> None:
        """Have the host go back."""
        with self.shell() as shell:
            abort(shell, watch.armed.trial, reason)

    def is_as_before(self) -> bool:
        """Whether the host runs, boots and lists as its default what it did first, and serves ssh."""
        return self.systems() == [self.first] * 3

    def systems(self) -> list[str]:
        """What the host runs, what it boots, and what its profile says."""
        return self.host.said(f"{RUNS}; {BOOTS}; {DEFAULT}").split()

    def wait_for(self, condition: str) -> None:
        """Wait at the host's console for something."""
        self.host.inside(f"until {condition}; do sleep 0.1; done")

    def _pause(self, seconds: float) -> None:
        self.waited += seconds
        if self.waited > _PATIENCE:
            raise TookTooLong
        time.sleep(seconds)


@pytest.fixture
def machine(
    lab_directory: Path,
    first_systems: dict[str, str],
    started_hosts: dict[str, LabHost],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Machine]:
    """The host n1, fresh from its installation, to try systems on."""
    host = started_hosts["n1"]
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/config").write_text(f"IdentityFile {host.key}\nConnectTimeout 2\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    host.put_back(INSTALLED)
    host.reachable()
    target = Target(host.name, host.address, Ssh(), host.host_key, host.place / "pin", "x86_64-linux", ())
    with Network({host.name: target}) as network:
        yield Machine(host, lab_directory, first_systems["n1"], network, target)
