"""`pyhomelab secret`: what the lab needs, and who reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import inventory_option, json_option, print_json
from pyhomelab.cli.secret_init import init_
from pyhomelab.cli.secret_report import as_data, finding_data, secret_table
from pyhomelab.cli.secret_values import get_, known_secret, rekey_, rm_, set_
from pyhomelab.inventory.load import load
from pyhomelab.secrets.custody import generate
from pyhomelab.secrets.oversight import findings, keyless, new_hosts, rekey_due, review, without_host_key
from pyhomelab.secrets.vault import kept, readers_of, secrets_directory, secrets_needed, strays

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def command() -> None:
    """Make, keep and share the secrets that the lab needs.

    They lie encrypted in `secrets` beside the inventory, for git: each for the admins and exactly the machines that
    read it.

    Example: pyhomelab secret list
    """


@command.command("list")
@inventory_option
@json_option
def list_(*, inventory: Path, as_json: bool) -> None:
    """List the secrets that the lab needs, who can read each, and what is not right with them.

    A machine can be given a secret when its public host key is in secrets/hosts/<machine>.pub.

    Example: pyhomelab secret list --json
    """
    lab = load(inventory)
    directory = secrets_directory(inventory)
    readers = readers_of(lab, directory)
    states = [kept(secret, directory) for secret in secrets_needed(lab, directory)]
    found = findings(states, readers, directory, strays(lab, directory))
    if as_json:
        print_json(
            {
                "secrets": [as_data(state, readers) for state in states],
                "findings": [finding_data(finding) for finding in found],
            }
        )
        return
    click.echo(secret_table(states, readers) if states else "the lab needs no secret")
    for finding in found:
        click.echo(str(finding))


@command.command("generate")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@inventory_option
@click.option("--force", is_flag=True, help="Replace the named secrets; what runs with the old ones may break.")
@json_option
def generate_(names: tuple[str, ...], *, inventory: Path, force: bool, as_json: bool) -> None:
    """Make the secrets NAME, or all that are missing, from random numbers.

    sops encrypts them for the admins, and for the machines that read them if their host keys are known. A machine
    whose public host key is not there gets one, ssh-host-<machine>, that is put on it when it is installed. Secrets of
    your own are made by their names alone; `pyhomelab secret set` takes values that you have.

    Example: pyhomelab secret generate k3s-home-token
    """
    if force and not names:
        raise click.UsageError("--force needs the names of the secrets to replace")
    lab = load(inventory)
    directory = secrets_directory(inventory)
    missing = [secret for secret in secrets_needed(lab, directory) if not kept(secret, directory).is_there]
    wanted = (
        [known_secret(name, lab) for name in dict.fromkeys(names)]
        if names
        else [secret for secret in missing if secret.kind != "own secret"]
    )
    files = generate(wanted, directory, readers_of(lab, directory), force=force) if wanted else []
    readers = readers_of(lab, directory)
    if as_json:
        print_json({"written": [str(file) for file in files], "left_out": without_host_key(wanted, readers)})
        return
    for file in files:
        click.echo(f"written: {file}")
    for finding in (*new_hosts(wanted, directory), *keyless(wanted, readers, directory)):
        click.echo(str(finding))
    rest = review(lab, directory)
    for finding in (one for one in rest if one in rekey_due(rest) or (one.kind == "missing" and not names)):
        click.echo(str(finding))
    click.echo(f"Next: git add {directory}" if files else "every secret that can be made is there")


for other in (init_, set_, get_, rm_, rekey_):
    command.add_command(other)
