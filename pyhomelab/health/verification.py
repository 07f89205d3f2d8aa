"""What was found of the checks of machines → how many hold, whether all is well, and the same as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.checks import Finding, checks_of
from pyhomelab.errors import HomelabError, HostFailed, Unhealthy
from pyhomelab.text.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyhomelab.checks import Check
    from pyhomelab.model import Inventory

Data = dict[str, object]


class NotVerified(HomelabError):
    """No check fails, but some could not be run on machines that should have what they ask about."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of the checks of a machine; if it could not be asked, `silence` says why, and none was run."""

    machine: str
    findings: tuple[Finding, ...]
    silence: HostFailed | None = None

    @classmethod
    def of(cls, machine: str, checks: Iterable[Check], answer: Mapping[str, Finding] | HostFailed) -> Verified:
        """Make it of what a machine answered, or of why it did not; a check that has no answer was not run."""
        if isinstance(answer, HostFailed):
            return cls(machine, tuple(Finding(check, "not run", answer.what) for check in checks), answer)
        return cls(machine, tuple(answer.get(c.name, Finding(c, "not run", "it was not asked")) for c in checks))

    @property
    def holding(self) -> tuple[Finding, ...]:
        """Those that hold."""
        return tuple(found for found in self.findings if found.verdict == "holds")

    @property
    def failing(self) -> tuple[Finding, ...]:
        """Those that fail."""
        return tuple(found for found in self.findings if found.verdict == "fails")

    @property
    def untold(self) -> tuple[Finding, ...]:
        """Those that were not run though the machine should have what they ask about."""
        return tuple(found for found in self.findings if found.verdict == "not run" and found.is_due)

    @property
    def elsewhere(self) -> tuple[Finding, ...]:
        """Those that were not run because what they ask about may be on another machine: nothing is wrong with that."""
        return tuple(found for found in self.findings if found.verdict == "not run" and not found.is_due)

    @property
    def is_well(self) -> bool:
        """Whether all was told, and nothing fails."""
        return not self.failing and not self.untold

    def __str__(self) -> str:
        parts = (
            f"{len(self.holding)} of {counted(len(self.findings), 'check')} hold",
            f"{len(self.failing)} fail" if self.failing else "",
            f"{len(self.untold)} not run" if self.untold else "",
        )
        return ", ".join(filter(None, parts))


def refuse_unwell(machines: Iterable[Verified]) -> None:
    """Raise Unhealthy if a check fails, else NotVerified if one could not be run; both say how many, and where."""
    known = list(machines)
    failing = {one.machine: len(one.failing) for one in known if one.failing}
    untold = {one.machine: len(one.untold) for one in known if one.untold}
    fails, skips = sum(failing.values()), sum(untold.values())
    said = [
        f"{counted(fails, 'check')} {'fails' if fails == 1 else 'fail'} on {listed(failing)}" if failing else "",
        f"{counted(skips, 'check')} could not be run on {listed(untold)}" if untold else "",
    ]
    sentence = "; ".join(filter(None, said))
    if failing:
        raise Unhealthy(sentence)
    if untold:
        raise NotVerified(sentence)


def as_data(machines: Iterable[Verified]) -> Data:
    """Give all that was found as plain data, with the counts of each verdict."""
    known = list(machines)
    return {
        "counts": {
            "hold": sum(len(one.holding) for one in known),
            "fail": sum(len(one.failing) for one in known),
            "not_run": sum(len(one.untold) for one in known),
            "elsewhere": sum(len(one.elsewhere) for one in known),
        },
        "hosts": {one.machine: _host_data(one) for one in known},
    }


def scripts_of(inventory: Inventory, *, deep: bool = False) -> dict[str, list[Data]]:
    """Give the checks of every machine as plain data, for whoever runs them by other means than ours."""
    return {machine: [_check_data(check) for check in own] for machine, own in checks_of(inventory, deep=deep).items()}


def _host_data(one: Verified) -> Data:
    silence = {"said": str(one.silence)} if one.silence is not None else {}
    return {
        "state": one.silence.kind if one.silence is not None else "answered",
        **silence,
        "checks": [_finding_data(found) for found in one.findings],
    }


def _finding_data(found: Finding) -> Data:
    check = found.check
    return {
        "name": check.name,
        "role": check.role,
        "about": check.about or None,
        "deep": check.deep,
        "verdict": found.verdict,
        "said": found.said,
        "seconds": found.seconds,
        "is_due": found.is_due,
        "mend": check.mend,
    }


def _check_data(check: Check) -> Data:
    return {
        "name": check.name,
        "role": check.role,
        "about": check.about or None,
        "deep": check.deep,
        "script": check.script,
        "patience": check.patience,
        "limit": check.limit,
        "mend": check.mend,
    }
