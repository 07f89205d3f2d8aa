"""Machines of a lab → what is found of their checks, many machines at a time, whoever of them answers."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.health.checking import examine
from pyhomelab.health.verification import Verified
from pyhomelab.parallel import as_they_end, in_background
from pyhomelab.shell import Unreachable
from pyhomelab.shell.network import Network
from pyhomelab.telling.events import HostEnded, Progressed, StageBegan, StageEnded
from pyhomelab.text.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyhomelab.checks import Check, Finding
    from pyhomelab.machines.targets import Target
    from pyhomelab.telling.events import Tell

_AT_ONCE = 32
_MOST_NAMED = 3
_AGAIN = 3.0


@dataclass(frozen=True, slots=True)
class Inspection:
    """The machines of a lab, who is told, and for how many seconds what is not well may become so.

    In that time who does not answer is tried again, and what fails is asked again as far as it has patience. Logs in as
    root, which the checks need; `password` gives sudo's. Where nobody may become root, nothing could be asked.
    """

    machines: Mapping[str, Target]
    tell: Tell
    wait: int = 0
    password: Callable[[], str | None] = lambda: None

    def inspect(self, checks: Mapping[str, Sequence[Check]]) -> list[Verified]:
        """Ask machines their checks, all side by side; gives what was found of each, in their order."""
        slots = BoundedSemaphore(_AT_ONCE)
        with Network(self.machines, self.password) as network:
            looks = [
                in_background(partial(self._within, slots, network, machine, own)) for machine, own in checks.items()
            ]
            found = {one.machine: one for one in (look.result() for look in as_they_end(looks))}
        return [found[machine] for machine in checks]

    def _within(self, slots: BoundedSemaphore, network: Network, machine: str, checks: Sequence[Check]) -> Verified:
        with slots:
            self.tell(StageBegan(machine, "verify"))
            verified = Verified.of(machine, checks, self._answer(network, machine, checks))
        became, why = _ended(verified)
        self.tell(StageEnded(machine, "verify", became, why))
        self.tell(HostEnded(machine, became, why, is_well=verified.is_well))
        return verified

    def _answer(self, network: Network, machine: str, checks: Sequence[Check]) -> Mapping[str, Finding] | HostFailed:
        until = time.monotonic() + self.wait
        answer = self._asked(network, machine, checks, self.wait)
        if isinstance(answer, Unreachable) and self.wait:
            self.tell(Progressed(machine, f"trying again: {answer.what}"))
        while isinstance(answer, Unreachable) and (left := until - time.monotonic() - _AGAIN) > 0:
            time.sleep(_AGAIN)
            with Network(self.machines, self.password) as again:  # the way over another host is found anew
                answer = self._asked(again, machine, checks, left)
        return answer

    def _asked(
        self, network: Network, machine: str, checks: Sequence[Check], at_most: float
    ) -> Mapping[str, Finding] | HostFailed:
        told = partial(self._waiting, machine)
        try:
            with closing(network.open(self.machines[machine], as_root=True)) as shell:
                return examine(shell, machine, checks, waits=self.wait > 0, at_most=at_most, on_wait=told)
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
