"""`pyhomelab retire`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import inventory_option, json_option, print_json
from pyhomelab.cli.telling import teller
from pyhomelab.errors import Refused
from pyhomelab.files.worktree import write
from pyhomelab.inventory.load import load
from pyhomelab.leaving.departure import departure, refuse_unwell, rekey_shared
from pyhomelab.machines.acquaintance import forget, known, known_hosts
from pyhomelab.machines.targets import targets
from pyhomelab.premises import Premises
from pyhomelab.text.wording import listed, near_miss

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pyhomelab.leaving.departure import Departure


@click.command()
@click.argument("machine", metavar="HOST")
@inventory_option
@click.option("--offline", is_flag=True, help="Do not ask the machines that stay whether they are well without it.")
@click.option("--dry-run", is_flag=True, help="Say what is lost and what changes, and change nothing.")
@click.option("--yes", "retyped", metavar="HOST", help="Do not ask; HOST is its name once more.")
@json_option
def command(  # noqa: PLR0913 - one for each option
    machine: str, *, inventory: Path, offline: bool, dry_run: bool, retyped: str | None, as_json: bool
) -> None:
    """Take a host or a guest out of the lab.

    Refuses while a quorum, the other copy of data, or the way to other machines depends on it, and while those that
    share a volume or a cluster with it are not well. Says what is lost, and wants the name typed again. Then it is
    taken out of the inventory, the generated files, the secrets, the pinned keys and your known_hosts, and what it
    shared with others is rekeyed. The machine itself is not touched.

    Example: pyhomelab retire dl4
    """
    lab = load(inventory)
    if machine not in lab.hosts and machine not in lab.guests:
        hint = near_miss(machine, (*lab.hosts, *lab.guests), kind="machine")
        raise Refused("is not a machine of the lab", where=machine, hint=hint)
    leaving = departure(lab, inventory, machine)
    if not offline:
        with teller() as tell:
            refuse_unwell(leaving, inventory, tell)
    target = targets(lab, inventory)[machine]
    names = (machine, f"{machine}.{lab.lab.domain}", target.address, target.ssh.address)
    known_as = known(filter(None, names), known_hosts())
    for line in _foreseen(leaving, known_as):
        click.echo(line, err=as_json)
    if not dry_run:
        _refuse_unconfirmed(machine, retyped)
        write(Premises(inventory).directory, list(leaving.changes))
        forget(known_as, known_hosts())
        _share_no_more(leaving, inventory)
    if as_json:
        print_json(_as_data(leaving, known_as, is_done=not dry_run))
    elif not dry_run:
        click.echo("\n".join([f"{machine} is out of the lab", "Next:", *_next(leaving)]))


def _share_no_more(leaving: Departure, inventory: Path) -> None:
    """Rekey what the machine shared with others, or say why that is left to do."""
    why = rekey_shared(leaving, inventory) if leaving.shared else None
    if why is not None:
        click.echo(f"{listed(leaving.shared)} could not be rekeyed: {why}\n`pyhomelab secret rekey` does it", err=True)


def _foreseen(leaving: Departure, known_as: Sequence[str]) -> Iterator[str]:
    means = leaving.means
    for heading, sentences in (("lost with it", means.losses), ("left on other machines", means.stays)):
        if sentences:
            yield f"{heading}:"
            yield from (f"  {sentence}" for sentence in sentences)
    yield "files:"
    yield from (f"  {change.verb}: {change.path}" for change in leaving.changes)
    if known_as:
        yield f"  changed: {known_hosts()} (without {listed(known_as)})"


def _refuse_unconfirmed(machine: str, retyped: str | None) -> None:
    if retyped is None:
        if not sys.stdin.isatty():
            raise Refused("nobody is there to agree to this", hint=f"give --yes {machine}")
        retyped = click.prompt(f"Type {machine} to take it out of the lab", err=True)
    if retyped != machine:
        raise Refused(f"is not {machine}; nothing was changed", where=str(retyped))


def _next(leaving: Departure) -> Iterator[str]:
    machine = leaving.means.machine
    for cluster in leaving.before.clusters.values():
        if machine in cluster.members:
            yield f"  kubectl drain --ignore-daemonsets {machine} && kubectl delete node {machine}"
    yield f"  shut {machine} down for good: until its disks are erased it has its keys, and secrets that it read"
    if leaving.shared:
        names = " ".join(leaving.shared)
        yield f"  pyhomelab secret generate --force {names}, if {machine} may not know them any more (it read them)"
    yield "  pyhomelab deploy, so that the others know it no more"


def _as_data(leaving: Departure, known_as: Sequence[str], *, is_done: bool) -> dict[str, object]:
    return {
        "retired": is_done,
        "machine": leaving.means.machine,
        "lost": list(leaving.means.losses),
        "left": list(leaving.means.stays),
        "files": {change.path: change.verb for change in leaving.changes},
        "known_hosts": list(known_as),
        "shared_secrets": leaving.shared,
    }
