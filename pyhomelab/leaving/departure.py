"""A machine that is to leave → the files that change by it, and what those that stay say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.checks import checks_of
from pyhomelab.errors import HomelabError, InventoryRefused, Refused
from pyhomelab.files.amendment import amended, foreseen
from pyhomelab.files.generated import changes_due
from pyhomelab.files.worktree import Change
from pyhomelab.health.inspection import Inspection
from pyhomelab.leaving.retirement import retirement
from pyhomelab.machines.targets import targets
from pyhomelab.premises import Premises
from pyhomelab.secrets.custody import rekey
from pyhomelab.secrets.needed import host_key_of, secrets_of
from pyhomelab.secrets.vault import readers_of, secrets_directory
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pyhomelab.checks import Check
    from pyhomelab.health.verification import Verified
    from pyhomelab.leaving.retirement import Retirement
    from pyhomelab.model import Inventory
    from pyhomelab.telling.events import Tell


@dataclass(frozen=True, slots=True)
class Departure:
    """What it means that a machine leaves, the lab that is left, and the changes of files that make it so."""

    means: Retirement
    before: Inventory
    after: Inventory
    changes: tuple[Change, ...]

    @property
    def shared(self) -> list[str]:
        """Name the secrets that it read and that others go on using."""
        left = {secret.name for secret in secrets_of(self.after)}
        return [s.name for s in secrets_of(self.before) if self.means.machine in s.hosts and s.name in left]

    @property
    def checks(self) -> Mapping[str, tuple[Check, ...]]:
        """Give what the machines that shared a volume or a cluster with it are to be asked: the checks without it."""
        ties = set(_ties(self.before, self.means.machine))
        asked = {
            machine: tuple(check for check in checks if (check.role, check.about) in ties)
            for machine, checks in checks_of(self.after).items()
        }
        return {machine: checks for machine, checks in asked.items() if checks}


def departure(lab: Inventory, inventory: Path, machine: str) -> Departure:
    """Foresee the leaving of a machine of the lab; raises Refused with every reason why it cannot leave yet."""
    means = retirement(lab, machine)
    if means.refusals:
        raise _refused(machine, means.refusals)
    edits = amended(inventory, means.edits)
    try:
        after = foreseen(inventory, edits)
    except InventoryRefused as error:
        reasons = (f"without it, {mistake.path} {mistake.reason}; {mistake.hint}" for mistake in error.mistakes)
        raise _refused(machine, reasons) from None
    secrets = _secrets(lab, after, inventory, machine)
    return Departure(means, lab, after, (*edits, *changes_due(after, Premises(inventory)), *secrets))


def rekey_shared(leaving: Departure, inventory: Path) -> HomelabError | None:
    """Encrypt anew what the machine could read and others go on using; gives why that could not be done here."""
    directory = secrets_directory(inventory)
    names = leaving.shared
    shared = [secret for secret in secrets_of(leaving.after) if secret.name in names]
    try:
        rekey(shared, directory, readers_of(leaving.after, directory))
    except HomelabError as error:
        return error
    return None


def _refused(machine: str, reasons: Iterable[str]) -> Refused:
    return Refused("\n".join([*(f"{machine}: {reason}" for reason in reasons), "nothing was changed"]))


def _secrets(lab: Inventory, after: Inventory, inventory: Path, machine: str) -> Iterator[Change]:
    """Remove the secrets that nobody needs any more, with their public halves, and the machine's own key."""
    directory = secrets_directory(inventory)
    left = {secret.name for secret in secrets_of(after)}
    gone = [host_key_of(machine), *(secret for secret in secrets_of(lab) if secret.name not in left)]
    names = [name for secret in gone for name in (f"{secret.name}.yaml", secret.public) if name is not None]
    for file in (directory / name for name in names):
        if file.is_file():
            old = file.read_text(encoding="utf-8", errors="surrogateescape")
            yield Change(str(file.relative_to(directory.parent)), old, None)


def _ties(lab: Inventory, machine: str) -> Iterator[tuple[str, str]]:
    for name, volume in lab.volumes.items():
        if machine in (*volume.replicas, volume.witness):
            yield "drbd", name
    for name, cluster in lab.clusters.items():
        if machine in cluster.members:
            yield cluster.distribution, name


def refuse_unwell(leaving: Departure, inventory: Path, tell: Tell) -> None:
    """Ask those that shared a volume or a cluster with the machine; raises Refused unless they are well without it."""
    asked = leaving.checks
    found = Inspection(targets(leaving.before, inventory), tell).inspect(asked) if asked else []
    objections = [f"{one.machine}: {objection}" for one in found for objection in _objections(one)]
    if objections:
        demand = f"{listed(asked)} must be well before {leaving.means.machine} leaves; nothing was changed"
        raise Refused(
            "\n".join([*objections, demand]),
            hint="mend that first, or give --offline if it is this machine that makes them unwell",
        )


def _objections(one: Verified) -> Iterable[str]:
    if one.silence is not None:
        return [one.silence.what]
    return [str(finding) for finding in (*one.failing, *one.untold)]
