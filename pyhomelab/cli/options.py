"""Arguments and options that several commands share."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pyhomelab.machines.selection import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

inventory_argument = click.argument(
    "inventory", type=click.Path(path_type=Path, readable=False), default=Path("hosts"), shell_complete=None
)
inventory_option = click.option(
    "--inventory",
    type=click.Path(path_type=Path, readable=False),
    default=Path("hosts"),
    show_default=True,
    help="A file, or a directory whose *.yaml files are its parts.",
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

Command = TypeVar("Command", bound="Callable[..., Any]")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def _seconds(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    del context, parameter
    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", text)
    if match is None:
        raise click.BadParameter(f"{text} is no time; write it like 90s, 10m or 1h")
    return int(match[1]) * _SECONDS[match[2]]


def time_option(name: str, parameter: str, default: str | None, text: str) -> Callable[[Command], Command]:
    """Make an option for a time such as 90s; the command gets its seconds, or None without one and a default."""
    shows = default is not None
    return click.option(
        name, parameter, metavar="TIME", default=default, show_default=shows, callback=_seconds, help=text
    )


def print_json(value: Any) -> None:  # noqa: ANN401 - JSON holds anything
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
