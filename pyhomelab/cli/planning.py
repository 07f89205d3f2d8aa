"""What `plan` and `deploy` share: systems are built, machines are asked, and it is decided what would be done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.cli.asking import ask_machines
from pyhomelab.cli.foresight import foresee, goal_of
from pyhomelab.cli.history import last_deployments
from pyhomelab.deployment.rollout import Goal, Rollout, concerned, foreign, rollout
from pyhomelab.errors import HostFailed, SomeFailed
from pyhomelab.files.generated import refuse_stale
from pyhomelab.inventory.load import load
from pyhomelab.machines.selection import select
from pyhomelab.machines.targets import Target, targets
from pyhomelab.nix.build import BuildOn, Site
from pyhomelab.nix.flakes import flake_of, refuse_untracked
from pyhomelab.nix.signing import signing_key_file
from pyhomelab.nix.systems import build_machines
from pyhomelab.parallel import in_background
from pyhomelab.premises import Premises
from pyhomelab.secrets.oversight import rekey_due, review
from pyhomelab.secrets.vault import secrets_directory
from pyhomelab.state.drift import drift_of, remarks
from pyhomelab.state.stations import Built
from pyhomelab.telling.events import Noted
from pyhomelab.telling.report import failures
from pyhomelab.trials.reboots import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from pyhomelab.cli.asking import Answers
    from pyhomelab.model import Inventory
    from pyhomelab.state.hoststate import HostState
    from pyhomelab.telling.events import Tell


@dataclass(frozen=True, slots=True)
class Work:
    """A rollout of the chosen machines, and what it is to be done with; `unbuilt` says which could not be built."""

    lab: Inventory
    premises: Premises
    machines: Mapping[str, Target]
    chosen: tuple[str, ...]
    plan: Rollout
    unbuilt: str

    def refuse_unbuilt(self) -> None:
        """Raise SomeFailed if a machine could not be built."""
        if self.unbuilt:
            raise SomeFailed(self.unbuilt)


def planned(inventory: Path, words: Sequence[str], max_parallel: int, tell: Tell, reboot: Mode = Mode.NEVER) -> Work:
    """Build the systems of the machines that the words mean, ask what runs there, and plan."""
    lab, premises = load(inventory), Premises(inventory)
    machines = targets(lab, inventory)
    chosen = select(words, machines)
    refuse_stale(lab, premises)
    refuse_untracked(premises.root, premises.directory)
    for finding in rekey_due(review(lab, secrets_directory(inventory))):
        tell(Noted(f"secrets: {finding}"))
    # What they run does not depend on what is built for them.
    asked: Future[Answers] = in_background(lambda: ask_machines(machines, concerned(lab, chosen)))
    goals, unbuilt = _built(premises, tuple(chosen), tell)
    answers = asked.result()
    strangers = {host: why for host in chosen if (why := _foreign(machines[host], answers[host]))}
    first = rollout(lab, goals, answers, max_parallel, refused=strangers, reboot=reboot)
    prospects, silent = foresee(machines, first.changes)
    short = {host: "; ".join(one.shortages) for host, one in prospects.items() if one.shortages}
    plan = rollout(lab, goals, answers | silent, max_parallel, refused=strangers | short, reboot=reboot)
    standing = _standing(plan, answers, premises)
    plan = replace(
        plan,
        left_out={**{host: why for host, why in strangers.items() if host not in goals}, **plan.left_out},
        prospects={host: prospect for host, prospect in prospects.items() if host in plan.changes},
        drifts={host: drift_of(*said) for host, said in standing.items()},
        remarks={host: tuple(remarks(*said)) for host, said in standing.items()},
    )
    return Work(lab, premises, machines, tuple(chosen), plan, unbuilt)


def _foreign(target: Target, answer: HostState | HostFailed) -> str:
    """Say that a machine is of another kind than the inventory says."""
    if isinstance(answer, HostFailed) or not (why := foreign(answer, target.system)):
        return ""
    return f"{why}; correct its `system` in the inventory, or its address"


def _standing(plan: Rollout, answers: Answers, premises: Premises) -> dict[str, tuple[HostState, str | None]]:
    """Give what the machines said that are changed or in sync, and what they were last given from here.

    One that is in sync has what it should have, whoever brought it there.
    """
    deployed = last_deployments(premises, plan.changes)
    goals = {host: deployment.goal for host, deployment in deployed.items()}
    said = {host: answers[host] for host in (*plan.changes, *plan.in_sync)}
    return {host: (state, goals.get(host)) for host, state in said.items() if not isinstance(state, HostFailed)}


def _built(premises: Premises, hosts: tuple[str, ...], tell: Tell) -> tuple[Mapping[str, Goal], str]:
    """Build the systems of machines; gives them, and which could not be built."""
    key = signing_key_file(premises.own)
    site = Site(BuildOn.LOCAL, premises.own / "gcroots", key if key.exists() else None)
    with flake_of(premises.root, premises.own) as flake:
        results = build_machines(flake, hosts, site, tell)
    goals = {host: goal_of(Path(built.toplevel)) for host, built in results.items() if isinstance(built, Built)}
    return goals, failures(results)
