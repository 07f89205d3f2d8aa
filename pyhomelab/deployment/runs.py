"""What a run works with, and the stages that its machines are in; the journal has each before it begins."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event as Flag
from typing import TYPE_CHECKING

from pyhomelab.errors import HomelabError, HostFailed
from pyhomelab.health.checking import examine
from pyhomelab.telling.events import Noted, StageBegan, StageEnded
from pyhomelab.trials.reboots import BOOT_SECONDS, Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from pyhomelab.checks import Check
    from pyhomelab.deployment.journal import Journal
    from pyhomelab.health.comparison import Findings
    from pyhomelab.machines.targets import Target
    from pyhomelab.model import Inventory
    from pyhomelab.process import Children
    from pyhomelab.shell import Shell
    from pyhomelab.shell.network import Network
    from pyhomelab.telling.events import Stage, Tell


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a machine: in two words, why, the system that it runs now if that is known, and its last lines.

    `remarks` are checks that fail though they do not speak against the system.
    `needs_a_person` if it does not come back to what it should be by itself.
    """

    became: str
    why: str = ""
    runs: str | None = None
    log: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    is_well: bool = False
    needs_a_person: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a system may take to activate or to boot, and how long a machine waits for a word, all in seconds."""

    activation: int = 300
    probation: int = 120
    boot: int = BOOT_SECONDS


@dataclass(frozen=True, slots=True)
class Lab:
    """What a run works with: the lab, the way to its machines, the journal, and who is told what happens.

    `reboot` says when machines are rebooted. Systems that the machines keep already need no copies. `continues` is the
    run that this one takes up again. No more machines have their turn when `stop` is set.
    """

    inventory: Inventory
    machines: Mapping[str, Target]
    network: Network
    journal: Journal
    children: Children
    holder: str
    tell: Tell
    run_id: str
    checks: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    reboot: Mode = Mode.NEVER
    copies: bool = True
    continues: str | None = None
    stop: Flag = field(default_factory=Flag)
    unwritten: list[str] = field(default_factory=list)

    def stops(self) -> None:
        """Have no more machines had their turn; what is only being copied need not end."""
        self.stop.set()
        self.tell(Noted("stopping when these machines are done; Ctrl-C again leaves at once, and they go back"))
        self.children.stop()

    @contextmanager
    def noting_what_is_unwritten(self) -> Iterator[None]:
        """Write into the journal what has been done already: it is done, whether that can be written or not."""
        try:
            yield
        except HomelabError as error:
            self.unwritten.append(str(error))

    def reach(self, host: str) -> Shell:
        """Log in to a machine as root, over a connection of its own."""
        return self.network.open(self.machines[host], as_root=True)

    def look(
        self,
        shell: Shell,
        host: str,
        checks: Sequence[Check] | None = None,
        *,
        waits_for: Container[str] = (),
        at_most: float = math.inf,
    ) -> Findings:
        """Ask a machine its checks, or some of them; what fails of those that are waited for is asked again.

        Raises HostFailed.
        """
        chosen = self.checks.get(host, ()) if checks is None else checks
        return examine(shell, host, chosen, waits=waits_for, at_most=at_most) if chosen else {}

    @contextmanager
    def shell(self, host: str) -> Iterator[Shell]:
        """Be logged in to a machine as root, over a connection of its own."""
        shell = self.reach(host)
        try:
            yield shell
        finally:
            shell.close()


@dataclass(frozen=True, slots=True)
class Entered:
    """A stage that a machine is in."""

    lab: Lab
    host: str
    stage: Stage
    entry: int

    def left(self, outcome: str, why: str = "") -> None:
        """Say how the stage ended."""
        with self.lab.noting_what_is_unwritten():
            self.lab.journal.end(self.entry, outcome, {"why": why} if why else {})
        self.lab.tell(StageEnded(self.host, self.stage, outcome, why))


def enter(lab: Lab, host: str, stage: Stage, details: Mapping[str, str] | None = None) -> Entered:
    """Begin a stage of a machine: it is in the journal before anything of it is done."""
    entry = lab.journal.begin(lab.run_id, host, stage, details)
    lab.tell(StageBegan(host, stage))
    return Entered(lab, host, stage, entry)


def quietly(lab: Lab, host: str, do: Callable[[Shell], None]) -> None:
    """Do what is only tidy; a machine that cannot be reached forgets it when it restarts."""
    try:
        with lab.shell(host) as shell:
            do(shell)
    except HostFailed:
        return
