"""`pyhomelab init`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from pyhomelab.cli.options import json_option, print_json
from pyhomelab.scaffold import admin_from, create, lab_files, name_from
from pyhomelab.wording import counted


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", help="The lab's name; by default that of the directory.")
@click.option(
    "--ssh-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Public key of the first admin; by default the one in ~/.ssh, or one made for the lab.",
)
@json_option
def command(directory: Path, name: str | None, ssh_key: Path | None, *, as_json: bool) -> None:
    """Make a new lab in a directory.

    It holds an inventory to edit, the flake, and the NixOS modules. Nothing that is there already is touched. The lab
    needs nixpkgs, disko and sops-nix, and nothing of pyhomelab.

    Example: pyhomelab init ~/lab
    """
    lab = name or name_from(directory)
    if not re.fullmatch("[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", lab):
        raise click.BadParameter(
            f"{lab!r} is not a DNS label: lower-case letters, digits and hyphens", param_hint="--name"
        )
    admin = admin_from(ssh_key, directory)
    written = create(directory, lab_files(lab, admin))
    if as_json:
        print_json({"directory": str(directory), "lab": lab, "admin": admin.name, "written": written})
        return
    click.echo(f"{directory}: the lab {lab} with {admin.name} as its admin, {counted(len(written), 'file')} written")
    click.echo(
        f"Next: edit {directory / 'hosts/inventory.yaml'}, then in {directory}: git init && pyhomelab gen && git add -A"
    )
