"""`pyhomelab init`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from pyhomelab.cli.options import json_option, print_json
from pyhomelab.errors import Refused
from pyhomelab.files.scaffold import admin_from, create, lab_files, name_from
from pyhomelab.nix.signing import make_signing_key, public_key_file, signing_key_file
from pyhomelab.premises import Premises
from pyhomelab.process import ToolMissing
from pyhomelab.text.wording import counted


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", help="The lab's name; by default that of the directory.")
@click.option(
    "--ssh-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Public key of the first admin; by default the one in ~/.ssh, or one made for the lab.",
)
@click.option(
    "--only-signing-key", is_flag=True, help="In a lab that is there: make the key that signs what this machine builds."
)
@json_option
def command(directory: Path, name: str | None, ssh_key: Path | None, *, only_signing_key: bool, as_json: bool) -> None:
    """Make a new lab in a directory.

    It holds an inventory to edit, the flake, and the NixOS modules. Nothing that is there already is touched. The lab
    needs nixpkgs, disko and sops-nix, and nothing of pyhomelab. Where there is Nix, a key is made that signs what is
    built.

    Example: pyhomelab init ~/lab
    """
    lab = name or name_from(directory)
    if not re.fullmatch("[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", lab):
        raise click.BadParameter(
            f"{lab!r} is not a DNS label: lower-case letters, digits and hyphens", param_hint="--name"
        )
    if only_signing_key:
        _only_signing_key(lab, directory, as_json=as_json)
        return
    admin = admin_from(ssh_key, directory)
    written = create(directory, lab_files(lab, admin))
    key, without_key = _signing_key(lab, directory)
    if as_json:
        made = {"directory": str(directory), "lab": lab, "admin": admin.name, "written": written, "signing_key": key}
        print_json(made)
        return
    click.echo(f"{directory}: the lab {lab} with {admin.name} as its admin, {counted(len(written), 'file')} written")
    if without_key:
        click.echo(without_key)
    click.echo(
        f"Next: edit {directory / 'hosts/inventory.yaml'}, then in {directory}: git init && pyhomelab gen && git add -A"
    )


def _signing_key(lab: str, directory: Path) -> tuple[str | None, str]:
    """Make the key, or say why there is none: the rest of a lab needs no Nix."""
    premises = Premises(directory / "hosts")
    try:
        return make_signing_key(lab, premises.own, premises.directory), ""
    except ToolMissing as missing:
        remedy = f"`pyhomelab init --only-signing-key {directory}` makes it later"
        return None, f"{directory}: no key yet to sign what is built, {missing.what}; {remedy}"


def _only_signing_key(lab: str, directory: Path, *, as_json: bool) -> None:
    if not (directory / "hosts").is_dir():
        raise Refused("has no hosts directory, so it is no lab", where=str(directory), hint="leave the option out")
    premises = Premises(directory / "hosts")
    key = make_signing_key(lab, premises.own, premises.directory)
    if as_json:
        print_json({"directory": str(directory), "signing_key": key})
        return
    click.echo(f"{signing_key_file(premises.own)} signs what is built here; git does not see it")
    click.echo(f"Next: pyhomelab gen, git add {public_key_file(premises.directory)}, and bring that to the machines")
