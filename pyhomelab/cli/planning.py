"""What `plan` and `deploy` share: systems are built, machines are asked, and it is decided what would be done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.builds import build_machines
from pyhomelab.cli.asking import ask_machines
from pyhomelab.cli.progress import show
from pyhomelab.errors import SomeFailed
from pyhomelab.flakes import flake_of, refuse_untracked
from pyhomelab.generated import refuse_stale
from pyhomelab.load import load
from pyhomelab.premises import Premises
from pyhomelab.report import failures
from pyhomelab.rollout import Goal, Rollout, concerned, rollout
from pyhomelab.selection import select
from pyhomelab.signing import signing_key_file
from pyhomelab.stages.build import BuildOn, Site
from pyhomelab.states import Built
from pyhomelab.targets import Target, targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyhomelab.model import Inventory

_BOOT_PARTS = ("kernel", "initrd", "kernel-modules")


@dataclass(frozen=True, slots=True)
class Work:
    """A rollout, and what it is to be done with; `unbuilt` says which machines could not be built."""

    lab: Inventory
    premises: Premises
    machines: Mapping[str, Target]
    plan: Rollout
    unbuilt: str

    def refuse_unbuilt(self) -> None:
        """Raise SomeFailed if a machine could not be built."""
        if self.unbuilt:
            raise SomeFailed(self.unbuilt)


def planned(inventory: Path, words: Sequence[str], max_parallel: int) -> Work:
    """Build the systems of the machines that the words mean, ask what runs there, and plan."""
    lab, premises = load(inventory), Premises(inventory)
    machines = targets(lab, inventory)
    chosen = select(words, machines)
    refuse_stale(lab, premises)
    refuse_untracked(premises.root, premises.directory)
    goals, unbuilt = _built(premises, tuple(chosen))
    answers = ask_machines(machines, concerned(lab, goals))
    return Work(lab, premises, machines, rollout(lab, goals, answers, max_parallel), unbuilt)


def _built(premises: Premises, hosts: tuple[str, ...]) -> tuple[Mapping[str, Goal], str]:
    """Build the systems of machines; gives them, and which could not be built."""
    key = signing_key_file(premises.own)
    site = Site(BuildOn.LOCAL, premises.own / "gcroots", key if key.exists() else None)
    with flake_of(premises.root, premises.own) as flake:
        results = build_machines(flake, hosts, site, show)
    goals = {
        host: Goal(built.toplevel, _boot_parts(Path(built.toplevel)))
        for host, built in results.items()
        if isinstance(built, Built)
    }
    return goals, failures(results)


def _boot_parts(toplevel: Path) -> Mapping[str, str]:
    """Give what of a system takes effect only when it is booted, as `host/state.sh` says it of a machine."""
    parts = {part: str((toplevel / part).resolve()) for part in _BOOT_PARTS if (toplevel / part).exists()}
    params = toplevel / "kernel-params"
    text = params.read_text(encoding="utf-8") if params.exists() else ""
    return parts | {"kernel-params": text.strip()}
