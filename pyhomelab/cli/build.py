"""`pyhomelab build`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyhomelab.builds import build_machines
from pyhomelab.cli.options import host_option, inventory_argument, json_option, on_option, print_json
from pyhomelab.cli.progress import show
from pyhomelab.errors import SomeFailed
from pyhomelab.events import Noted
from pyhomelab.flakes import flake_of, refuse_untracked
from pyhomelab.generated import refuse_stale
from pyhomelab.load import load
from pyhomelab.premises import Premises
from pyhomelab.report import failures
from pyhomelab.selection import select
from pyhomelab.signing import signing_key_file
from pyhomelab.stages.build import BuildOn, Site
from pyhomelab.states import BuildFailed, Built, EvaluationFailed
from pyhomelab.targets import targets

if TYPE_CHECKING:
    from pathlib import Path


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
def command(*, inventory: Path, hosts: tuple[str, ...], on: tuple[str, ...], build_on: str, as_json: bool) -> None:
    """Evaluate and build the systems of the machines.

    Prints their store paths. They are signed with the lab's own key and kept from the garbage collector until the next
    build. The failure of one machine keeps no other from being built; if there was one, the exit code is 4.

    Example: pyhomelab build --on @rack,nas
    """
    lab, premises = load(inventory), Premises(inventory)
    machines = targets(lab, inventory)
    chosen = select((*hosts, *on), machines)
    refuse_stale(lab, premises)
    refuse_untracked(premises.root, premises.directory)
    key = _key(premises) if build_on != BuildOn.HOST else None  # what is built there stays there
    site = Site(BuildOn(build_on), premises.own / "gcroots", key, machines)
    with flake_of(premises.root, premises.own) as flake:
        results = build_machines(flake, tuple(chosen), site, show)
    if as_json:
        print_json({"hosts": {host: _as_data(result) for host, result in results.items()}})
    else:
        for result in results.values():
            if isinstance(result, Built):
                click.echo(result.toplevel)
    if failed := failures(results):
        raise SomeFailed(failed)


def _key(premises: Premises) -> Path | None:
    file = signing_key_file(premises.own)
    if file.exists():
        return file
    show(Noted(f"nothing is signed: there is no {file}; `pyhomelab init --only-signing-key {premises.root}` makes it"))
    return None


def _as_data(result: Built | BuildFailed | EvaluationFailed) -> dict[str, Any]:
    match result:
        case Built(_, toplevel, is_signed, is_on_host):
            return {"state": "built", "toplevel": toplevel, "signed": is_signed, "on_host": is_on_host}
        case BuildFailed(_, said):
            return {"state": "build failed", "said": said}
        case EvaluationFailed(_, said):
            return {"state": "evaluation failed", "said": said}
