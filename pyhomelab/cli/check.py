"""`pyhomelab check`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pyhomelab.capacity import HostCapacity, capacity
from pyhomelab.cli.options import inventory_argument, json_option, print_json
from pyhomelab.errors import InventoryRefused
from pyhomelab.load import load
from pyhomelab.placement import place
from pyhomelab.wording import counted, in_units

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.model import Inventory


@click.command()
@inventory_argument
@json_option
def command(*, inventory: Path, as_json: bool) -> None:
    """Read and judge the inventory: every mistake at once, or what each host has and promises.

    INVENTORY is a file, or a directory whose *.yaml files are its parts (by default `hosts`). Exits 3 if there are mistakes.

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
    if as_json:
        placed = {name: asdict(host) for name, host in hosts.items()}
        print_json({"ok": True, "mistakes": [], "placement": placement, "hosts": placed})
        return
    _report(lab, hosts, placement)
