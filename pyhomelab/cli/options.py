"""Arguments and options that several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyhomelab.selection import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

inventory_argument = click.argument(
    "inventory", type=click.Path(path_type=Path, readable=False), default=Path("hosts"), shell_complete=None
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")

json_events_option = click.option(
    "--json-events", is_flag=True, help="Print what happens as it happens, one JSON object a line."
)


def refuse_two_kinds(*, as_json: bool, json_events: bool) -> None:
    """Raise UsageError if stdout is asked for both kinds of JSON."""
    if as_json and json_events:
        raise click.UsageError("--json and --json-events are both for stdout: choose one")


def _words(context: click.Context, parameter: click.Parameter, texts: Sequence[str]) -> tuple[str, ...]:
    del context, parameter
    try:
        return tuple(word for text in texts for word in words_of(text))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


host_option = click.option("--host", "hosts", metavar="HOST", multiple=True, help="Only this machine; may be repeated.")
on_option = click.option(
    "--on",
    metavar="@TAG,HOST",
    multiple=True,
    callback=_words,
    help="Only machines that have one of these tags or names; may be repeated.",
)

parallel_option = click.option(
    "--max-parallel", type=click.IntRange(min=1), default=4, show_default=True, help="Most machines in a wave."
)


def print_json(value: Any) -> None:  # noqa: ANN401 - JSON holds anything
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
