"""What a machine's checks say before a change and after it, and whether the groups that it is in can do without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyhomelab.checks import Finding, group_checks, objections, still_failing
from pyhomelab.planning.waves import Ties
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pyhomelab.checks import Check, Verdict
    from pyhomelab.model import Inventory
    from pyhomelab.planning.waves import Group

Findings = Mapping[str, Finding]
"""What was found of the checks of a machine, by their names."""

_VERDICTS: Mapping[str, Verdict] = {"holds": "holds", "fails": "fails"}


def against(before: Findings, after: Findings) -> str | None:
    """Say what speaks against a system, given what the checks said before it and with it.

    A member that is new to its cluster or volume cannot be judged before the others are there: that is no objection.
    """
    judged = {name: found for name, found in after.items() if not _is_new_member(before.get(name), found)}
    return "; ".join(objections(before, judged)) or None


def remarks(before: Findings, after: Findings) -> tuple[str, ...]:
    """Say which checks fail with a system that nothing speaks against."""
    as_before = still_failing(before, after)
    said = []
    for name, found in after.items():
        if name in as_before:
            said.append(f"{name}: not, as before ({found.said})")
        elif found.verdict == "fails" and _is_new_member(before.get(name), found):
            said.append(f"{name}: not yet ({found.said})")
    return tuple(said)


def _is_new_member(before: Finding | None, after: Finding) -> bool:
    return bool(after.check.about) and (before is None or before.verdict == "not run")


def written(findings: Findings) -> dict[str, str]:
    """Give the verdicts, for whoever has to go on from here."""
    return {name: found.verdict for name, found in findings.items()}


def read(verdicts: Mapping[str, str], checks: Iterable[Check]) -> Findings:
    """Give findings from what `written` kept of them; a check that it does not know was not run."""
    return {
        check.name: Finding(check, _VERDICTS.get(verdicts.get(check.name, ""), "not run"), "as before")
        for check in checks
    }


class Groups:
    """The groups of a lab, and the checks that say of a member whether it is a healthy one."""

    def __init__(self, inventory: Inventory, checks: Mapping[str, tuple[Check, ...]]) -> None:
        self._ties = Ties(inventory)
        self._checks = checks

    def asked(self, machines: Collection[str]) -> dict[str, tuple[Check, ...]]:
        """Give the checks that have to be asked, of which machines, before or after some of them are changed."""
        touched = {group for machine in machines for group in self._ties.touched[machine]}
        asked: dict[str, tuple[Check, ...]] = {}
        for group in sorted(touched, key=str):
            for member in group.members:
                found = group_checks(group, self._checks.get(member, ()))
                if found:
                    asked[member] = asked.get(member, ()) + found
        return asked

    def refusals(self, machines: Iterable[str], findings: Mapping[str, Findings | str]) -> dict[str, str]:
        """Say which of some machines their groups cannot do without now, and why.

        The findings are those of `asked`, or why a member did not answer. A machine whose members are no healthy ones
        takes nothing away from its group.
        """
        refused: dict[str, str] = {}
        for machine in machines:
            for group, own in self._ties.touched[machine].items():
                sick = self._sick(group, findings)
                healthy = [member for member in own if self._holds(group, member, findings)]
                if sick and healthy and len({*sick, *own}) > max(group.may_be_down, len(sick)):
                    refused[machine] = f"{group} cannot do without it now: {listed(sick.values())}"
                    break
        return refused

    def worsened(
        self, machines: Collection[str], before: Mapping[str, Findings | str], after: Mapping[str, Findings | str]
    ) -> dict[str, str]:
        """Say for which of some machines that were changed their groups are worse off, and how."""
        worse: dict[str, str] = {}
        for machine in machines:
            reasons = [
                reason
                for group in self._ties.touched[machine]
                for member, reason in self._sick(group, after).items()
                if self._holds(group, member, before)
            ]
            if reasons:
                worse[machine] = "; ".join(dict.fromkeys(reasons))
        return worse

    def _sick(self, group: Group, findings: Mapping[str, Findings | str]) -> dict[str, str]:
        sick = {}
        for member in group.members:
            found = findings.get(member, {})
            if isinstance(found, str):
                sick[member] = f"{member} does not answer ({found})"
            elif failing := [found[name] for name in self._names(group, member) if _is(found, name, "fails")]:
                sick[member] = f"{member}: {failing[0]}"
        return sick

    def _holds(self, group: Group, member: str, findings: Mapping[str, Findings | str]) -> bool:
        found, names = findings.get(member, {}), self._names(group, member)
        return not isinstance(found, str) and names != [] and all(_is(found, name, "holds") for name in names)

    def _names(self, group: Group, member: str) -> list[str]:
        return [check.name for check in group_checks(group, self._checks.get(member, ()))]


def _is(findings: Findings, name: str, verdict: Verdict) -> bool:
    return name in findings and findings[name].verdict == verdict
