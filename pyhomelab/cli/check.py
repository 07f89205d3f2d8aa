"""`pyhomelab check`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pyhomelab.allocation.capacity import capacity
from pyhomelab.allocation.placement import place
from pyhomelab.cli.options import inventory_argument, json_option, print_json
from pyhomelab.cli.secret_report import finding_data, refuse_mistakes
from pyhomelab.cli.tables import capacity_table
from pyhomelab.errors import InventoryRefused
from pyhomelab.inventory.load import load
from pyhomelab.model import ANYWHERE
from pyhomelab.secrets.oversight import review
from pyhomelab.secrets.vault import secrets_directory
from pyhomelab.text.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyhomelab.model import Inventory


@click.command()
@inventory_argument
@json_option
def command(*, inventory: Path, as_json: bool) -> None:
    """Read and judge the inventory.

    Prints every mistake at once, or what each host has and what of it is promised. INVENTORY is a file, or a
    directory whose *.yaml files are its parts (by default `hosts`). Exits 3 if there are mistakes, and 1 if a secret
    lies there unencrypted, or for others than those who are to read it; one that is missing is only said.

    Example: pyhomelab check hosts/inventory.yaml
    """
    try:
        lab = load(inventory)
    except InventoryRefused as refused:
        if as_json:
            print_json({"ok": False, "mistakes": [asdict(mistake) for mistake in refused.mistakes]})
            raise click.exceptions.Exit(refused.exit_code) from None
        raise
    placement = place(lab)
    hosts = capacity(lab, placement)
    found = review(lab, secrets_directory(inventory))
    if as_json:
        machines = {name: asdict(host) for name, host in hosts.items()}
        secrets = [finding_data(finding) for finding in found]
        is_ok = not any(finding.is_mistake for finding in found)
        print_json({"ok": is_ok, "mistakes": [], "secrets": secrets, "placement": placement, "hosts": machines})
        refuse_mistakes(found)
        return
    click.echo(f"{inventory}: {_summary(lab)}, no mistakes")
    click.echo(capacity_table(hosts))
    for name, guest in lab.guests.items():
        if guest.on == ANYWHERE:
            click.echo(f"{name} runs on {placement[name]}, where there is room for it")
    for finding in found:
        click.echo(f"secrets: {finding}")
    refuse_mistakes(found)


def _summary(lab: Inventory) -> str:
    counts: dict[str, Mapping[str, object]] = {
        "host": lab.hosts,
        "guest": lab.guests,
        "network": lab.networks,
        "volume": lab.volumes,
        "cluster": lab.clusters,
    }
    return listed(counted(len(things), noun) for noun, things in counts.items() if things)
