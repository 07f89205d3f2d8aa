"""Before and after each wave, the groups of its machines are looked at: one that is not well loses no more members."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pyhomelab.checks import worth_waiting_for
from pyhomelab.errors import HostFailed
from pyhomelab.health.comparison import Groups
from pyhomelab.parallel import as_they_end, in_background
from pyhomelab.telling.events import Noted
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pyhomelab.checks import Check
    from pyhomelab.deployment.runs import Lab
    from pyhomelab.health.comparison import Findings

_PATIENCE = 600.0
"""For how many seconds a group may take to be well again after a change, if its checks have that patience."""


class Gate:
    """What is known of the groups of a lab while its machines are changed."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._groups = Groups(lab.inventory, lab.checks)
        self._known: dict[str, Findings | str] = {}
        self._fresh: set[tuple[str, str]] = set()
        """What was asked of whom since machines were changed last."""

    def refusals(self, machines: Collection[str]) -> dict[str, str]:
        """Ask the groups of machines whether they can do without these now; gives which they cannot do without, why."""
        self._ask(self._groups.asked(machines), "before the next wave")
        self._fresh.clear()
        return self._groups.refusals(machines, self._known)

    def worsened(self, machines: Collection[str]) -> dict[str, str]:
        """Wait until the groups of changed machines are what they were; gives those of which that cannot be said."""
        before = dict(self._known)
        self._ask(self._groups.asked(machines), "after the wave")
        return self._groups.worsened(machines, before, self._known)

    def _ask(self, asked: Mapping[str, tuple[Check, ...]], when: str) -> None:
        """Ask members side by side what is not known yet; what held before is waited for."""
        due = {
            member: tuple(check for check in checks if (member, check.name) not in self._fresh)
            for member, checks in asked.items()
        }
        due = {member: checks for member, checks in due.items() if checks}
        if not due:
            return
        self._lab.tell(Noted(f"asking {listed(sorted(due))} how their groups are, {when}"))
        looks = [in_background(partial(self._look, member, checks)) for member, checks in due.items()]
        try:
            for look in as_they_end(looks):
                self._learn(*look.result())
        except KeyboardInterrupt:
            if self._lab.stop.is_set():
                raise
            self._lab.stops()

    def _learn(self, member: str, found: Findings | str) -> None:
        known = self._known.get(member, {})
        if isinstance(found, str) or isinstance(known, str):
            self._known[member] = found
        else:
            self._known[member] = {**known, **found}
        if not isinstance(found, str):
            self._fresh |= {(member, name) for name in found}

    def _look(self, member: str, checks: tuple[Check, ...]) -> tuple[str, Findings | str]:
        known = self._known.get(member, {})
        waits_for = worth_waiting_for(known) if not isinstance(known, str) else ()
        try:
            with self._lab.shell(member) as shell:
                return member, self._lab.look(shell, member, checks, waits_for=waits_for, at_most=_PATIENCE)
        except HostFailed as error:
            return member, error.what
