"""`pyhomelab schema`."""

from __future__ import annotations

import click

from pyhomelab.cli.options import print_json
from pyhomelab.inventory.schema import json_schema
from pyhomelab.telling.event_json import events_schema


@click.command()
@click.option("--events", "of_events", is_flag=True, help="Of the lines that --json-events prints instead.")
def command(*, of_events: bool) -> None:
    """Print the JSON Schema of the inventory.

    An editor that knows YAML schemas then explains and completes every key.

    Example: pyhomelab schema > hosts/inventory.schema.json
    """
    print_json(events_schema() if of_events else json_schema())
