"""Arguments and options that several commands share."""

from __future__ import annotations

import json
import re
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

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def _seconds(context: click.Context, parameter: click.Parameter, text: str) -> int:
    del context, parameter
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", text)
    if match is None:
        raise click.BadParameter(f"{text} is no time; write it like 90s, 10m or 1h")
    return int(match[1]) * _SECONDS[match[2]]


activation_option = click.option(
    "--activation-limit",
    "activation",
    metavar="TIME",
    default="5m",
    show_default=True,
    callback=_seconds,
    help="How long a new system may take to activate.",
)
probation_option = click.option(
    "--probation",
    metavar="TIME",
    default="2m",
    show_default=True,
    callback=_seconds,
    help="How long a machine waits to be told that all is well, before it goes back.",
)


def print_json(value: Any) -> None:  # noqa: ANN401 - JSON holds anything
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
