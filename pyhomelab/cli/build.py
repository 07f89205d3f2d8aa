"""`pyhomelab build`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyhomelab.cli.options import (
    host_option,
    inventory_argument,
    json_events_option,
    json_option,
    on_option,
    print_json,
    refuse_two_kinds,
)
from pyhomelab.cli.telling import teller
from pyhomelab.errors import SomeFailed
from pyhomelab.files.generated import refuse_stale
from pyhomelab.inventory.load import load
from pyhomelab.machines.selection import select
from pyhomelab.machines.targets import targets
from pyhomelab.nix.build import BuildOn, Site
from pyhomelab.nix.flakes import flake_of, refuse_untracked
from pyhomelab.nix.signing import signing_key_file
from pyhomelab.nix.systems import build_machines
from pyhomelab.premises import Premises
from pyhomelab.state.stations import BuildFailed, Built, EvaluationFailed
from pyhomelab.telling.endings import next_steps
from pyhomelab.telling.events import HostEnded, Noted
from pyhomelab.telling.report import failures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyhomelab.telling.events import Tell


@click.command()
@inventory_argument
@host_option
@on_option
@click.option(
    "--build-on",
    "build_on",
    type=click.Choice([on.value for on in BuildOn]),
    default=BuildOn.LOCAL.value,
    show_default=True,
    help="Who builds: this machine alone, each machine its own, or the builders that nix.conf names with this one.",
)
@json_option
@json_events_option
def command(  # noqa: PLR0913 - one for each option
    *,
    inventory: Path,
    hosts: tuple[str, ...],
    on: tuple[str, ...],
    build_on: str,
    as_json: bool,
    json_events: bool,
) -> None:
    """Evaluate and build the systems of the machines.

    Prints their store paths. They are signed with the lab's own key and kept from the garbage collector until the next
    build. The failure of one machine keeps no other from being built; if there was one, the exit code is 4.

    Example: pyhomelab build --on @rack,nas
    """
    refuse_two_kinds(as_json=as_json, json_events=json_events)
    lab, premises = load(inventory), Premises(inventory)
    machines = targets(lab, inventory)
    chosen = select((*hosts, *on), machines)
    refuse_stale(lab, premises)
    refuse_untracked(premises.root, premises.directory)
    with teller(json_events=json_events) as tell, flake_of(premises.root, premises.own) as flake:
        key = _key(premises, tell) if build_on != BuildOn.HOST else None  # what is built there stays there
        site = Site(BuildOn(build_on), premises.own / "gcroots", key, machines)
        results = build_machines(flake, tuple(chosen), site, tell)
    if as_json:
        print_json({"hosts": {host: _as_data(result) for host, result in results.items()}})
    elif not json_events:
        for result in results.values():
            if isinstance(result, Built):
                click.echo(result.toplevel)
    if failed := failures(results):
        raise SomeFailed(failed, hint="; ".join(next_steps(_unbuilt(results), inventory)))


def _key(premises: Premises, tell: Tell) -> Path | None:
    file = signing_key_file(premises.own)
    if file.exists():
        return file
    tell(Noted(f"nothing is signed: there is no {file}; `pyhomelab init --only-signing-key {premises.root}` makes it"))
    return None


def _unbuilt(results: Mapping[str, Built | BuildFailed | EvaluationFailed]) -> list[HostEnded]:
    return [HostEnded(host, "build failed") for host, result in results.items() if not isinstance(result, Built)]


def _as_data(result: Built | BuildFailed | EvaluationFailed) -> dict[str, Any]:
    match result:
        case Built(_, toplevel, is_signed, is_on_host):
            return {"state": "built", "toplevel": toplevel, "signed": is_signed, "on_host": is_on_host}
        case BuildFailed(_, said):
            return {"state": "build failed", "said": said}
        case EvaluationFailed(_, said):
            return {"state": "evaluation failed", "said": said}
