"""`pyhomelab deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyhomelab.builds import build_machines
from pyhomelab.cli.asking import ask_machines
from pyhomelab.cli.options import host_option, inventory_argument, json_option, on_option
from pyhomelab.cli.progress import show
from pyhomelab.cli.rolling import refuse_unconfirmed, report, roll
from pyhomelab.errors import SomeFailed
from pyhomelab.flakes import flake_of, refuse_untracked
from pyhomelab.generated import refuse_stale
from pyhomelab.load import load
from pyhomelab.premises import Premises
from pyhomelab.report import failures
from pyhomelab.rollout import concerned, rollout
from pyhomelab.selection import select
from pyhomelab.signing import signing_key_file
from pyhomelab.stages.build import BuildOn, Site
from pyhomelab.states import Built
from pyhomelab.targets import targets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@click.command()
@inventory_argument
@host_option
@on_option
@click.option(
    "--max-parallel", type=click.IntRange(min=1), default=4, show_default=True, help="Most machines in a wave."
)
@click.option("--yes", is_flag=True, help="Do not ask before machines are changed.")
@json_option
def command(  # noqa: PLR0913 - one for each option
    *, inventory: Path, hosts: tuple[str, ...], on: tuple[str, ...], max_parallel: int, yes: bool, as_json: bool
) -> None:
    """Bring the machines to what the inventory says.

    Builds their systems, shows what would change and in which order, and asks. Then each machine tries its system by
    itself and goes back to the old one unless it is confirmed in time. Exits 4 if a machine runs its old system still,
    5 if one needs a person.

    Example: pyhomelab deploy --host dl1
    """
    lab, premises = load(inventory), Premises(inventory)
    machines = targets(lab, inventory)
    chosen = select((*hosts, *on), machines)
    refuse_stale(lab, premises)
    refuse_untracked(premises.root, premises.directory)
    goals, unbuilt = _built(premises, tuple(chosen))
    answers = ask_machines(machines, concerned(lab, goals))
    plan = rollout(lab, goals, answers, max_parallel)
    refuse_unconfirmed(plan, is_confirmed=yes)
    results = roll(lab, machines, premises, plan, "deploy")
    report(plan, results, as_json=as_json)
    if unbuilt:
        raise SomeFailed(unbuilt)


def _built(premises: Premises, hosts: tuple[str, ...]) -> tuple[Mapping[str, str], str]:
    """Build the systems of machines; gives their store paths, and which could not be built."""
    key = signing_key_file(premises.own)
    site = Site(BuildOn.LOCAL, premises.own / "gcroots", key if key.exists() else None)
    with flake_of(premises.root, premises.own) as flake:
        results = build_machines(flake, hosts, site, show)
    return {host: built.toplevel for host, built in results.items() if isinstance(built, Built)}, failures(results)
