"""Arguments and options that several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

inventory_argument = click.argument(
    "inventory", type=click.Path(path_type=Path, readable=False), default=Path("hosts"), shell_complete=None
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")


def print_json(value: Any) -> None:  # noqa: ANN401 - JSON holds anything
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
