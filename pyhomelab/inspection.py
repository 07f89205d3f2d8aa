"""Machines of a lab → what is found of their checks, many machines at a time, whoever of them answers."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.events import HostEnded, Progressed, StageBegan, StageEnded
from pyhomelab.parallel import as_they_end, in_background
from pyhomelab.stages.checking import examine
from pyhomelab.verification import Verified
from pyhomelab.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyhomelab.checks import Check, Finding
    from pyhomelab.events import Tell
    from pyhomelab.shell.network import Network
    from pyhomelab.targets import Target

_AT_ONCE = 32
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Inspection:
    """The way to the machines and who is told; what fails is asked again for `wait` seconds, as far as it has patience.

    Logs in as root: the checks need that. A machine where nobody may become root is one that could not be asked.
    """

    network: Network
    machines: Mapping[str, Target]
    tell: Tell
    wait: int = 0

    def inspect(self, checks: Mapping[str, Sequence[Check]]) -> list[Verified]:
        """Ask machines their checks, all side by side; gives what was found of each, in their order."""
        slots = BoundedSemaphore(_AT_ONCE)
        looks = [in_background(partial(self._within, slots, machine, own)) for machine, own in checks.items()]
        found = {one.machine: one for one in (look.result() for look in as_they_end(looks))}
        return [found[machine] for machine in checks]

    def _within(self, slots: BoundedSemaphore, machine: str, checks: Sequence[Check]) -> Verified:
        with slots:
            verified = Verified.of(machine, checks, self._answer(machine, checks))
        became, why = _ended(verified)
        self.tell(StageEnded(machine, "verify", became, why))
        self.tell(HostEnded(machine, became, why, is_well=verified.is_well))
        return verified

    def _answer(self, machine: str, checks: Sequence[Check]) -> Mapping[str, Finding] | HostFailed:
        self.tell(StageBegan(machine, "verify"))
        told = partial(self._waiting, machine)
        try:
            with closing(self.network.open(self.machines[machine], as_root=True)) as shell:
                return examine(shell, machine, checks, waits=self.wait > 0, at_most=self.wait, on_wait=told)
        except HostFailed as error:
            return error

    def _waiting(self, machine: str, failing: Sequence[Finding]) -> None:
        others = [counted(len(failing) - _MOST_NAMED, "other")] if len(failing) > _MOST_NAMED else []
        names = [found.check.name for found in failing[:_MOST_NAMED]]
        self.tell(Progressed(machine, f"not yet: {listed([*names, *others])}"))


def _ended(verified: Verified) -> tuple[str, str]:
    if verified.silence is not None:
        return verified.silence.kind, verified.silence.what
    return "well" if verified.is_well else "not well", str(verified)
