"""`pyhomelab schema`."""

from __future__ import annotations

import click

from pyhomelab.cli.options import print_json
from pyhomelab.schema import json_schema


@click.command()
def command() -> None:
    """Print the JSON Schema of the inventory.

    An editor that knows YAML schemas then explains and completes every key.

    Example: pyhomelab schema > hosts/inventory.schema.json
    """
    print_json(json_schema())
