"""`pyhomelab secret list` and `pyhomelab secret generate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import json_option, print_json
from pyhomelab.cli.secret_report import as_data, keyless, left_out, new_hosts, remarks, secret_table
from pyhomelab.errors import Refused
from pyhomelab.load import load
from pyhomelab.secrets import host_keys_of
from pyhomelab.vault import generate, kept, readers_of, secrets_directory, secrets_needed
from pyhomelab.wording import near_miss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyhomelab.secrets import Secret

inventory_option = click.option(
    "--inventory",
    type=click.Path(path_type=Path, readable=False),
    default=Path("hosts"),
    show_default=True,
    help="A file, or a directory whose *.yaml files are its parts.",
)


@click.group()
def command() -> None:
    """List and make the secrets that the lab needs.

    They lie encrypted in `secrets` beside the inventory, for git: each for the admins and exactly the machines that
    read it.

    Example: pyhomelab secret list
    """


@command.command("list")
@inventory_option
@json_option
def list_(*, inventory: Path, as_json: bool) -> None:
    """List the secrets that the lab needs, and who can read each.

    A machine can be given a secret when its public host key is in secrets/hosts/<machine>.pub.

    Example: pyhomelab secret list --json
    """
    lab = load(inventory)
    directory = secrets_directory(inventory)
    readers = readers_of(lab, directory)
    states = [kept(secret, directory) for secret in secrets_needed(lab, directory)]
    if as_json:
        print_json({"secrets": [as_data(state, readers) for state in states]})
    elif not states:
        click.echo("the lab needs no secret")
    else:
        click.echo(secret_table(states, readers))
        for remark in remarks(states, readers, directory):
            click.echo(remark)


@command.command("generate")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@inventory_option
@click.option("--force", is_flag=True, help="Replace the named secrets; what runs with the old ones may break.")
@json_option
def generate_(names: tuple[str, ...], *, inventory: Path, force: bool, as_json: bool) -> None:
    """Make the secrets NAME, or all that are missing, from random numbers.

    sops encrypts them for the admins, and for the machines that read them if their host keys are known. A machine
    whose public host key is not there gets one, ssh-host-<machine>, that is put on it when it is installed.

    Example: pyhomelab secret generate k3s-home-token
    """
    if force and not names:
        raise click.UsageError("--force needs the names of the secrets to replace")
    lab = load(inventory)
    directory = secrets_directory(inventory)
    needed = secrets_needed(lab, directory)
    wanted = (
        _named(names, [*host_keys_of(lab), *needed])
        if names
        else [secret for secret in needed if not kept(secret, directory).is_there]
    )
    files = generate(wanted, directory, readers_of(lab, directory), force=force) if wanted else []
    readers = readers_of(lab, directory)
    if as_json:
        print_json({"written": [str(file) for file in files], "left_out": keyless(wanted, readers)})
        return
    for file in files:
        click.echo(f"written: {file}")
    for remark in (*new_hosts(wanted, directory), *left_out(wanted, readers, directory)):
        click.echo(remark)
    click.echo(f"Next: git add {directory}" if files else "every secret is there")


def _named(names: Sequence[str], needed: Sequence[Secret]) -> list[Secret]:
    by_name = {secret.name: secret for secret in needed}
    for name in names:
        if name not in by_name:
            hint = near_miss(name, by_name, kind="secret")
            raise Refused("is not a secret that the lab needs", where=name, hint=hint)
    return [by_name[name] for name in dict.fromkeys(names)]
