"""docs/commands.md: every command with its arguments and options, from the commands themselves."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING

import click

from tools.pages.markdown import block, code, link, page, plain, prose, table

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXAMPLE = "Example: "
_HELP = "--help"

CODES = {
    0: "all was done",
    1: "a check failed: files are stale, or a machine is not well; also what nobody foresaw, such as a full disk",
    2: "wrong usage: a command, argument or option that is not known, or that does not fit the others",
    3: "refused before anything was changed: a mistake in the inventory, or what cannot be done safely",
    4: "some machines failed, and run what they ran before",
    5: "a machine needs a person",
    130: "left by Ctrl-C; 143 after SIGTERM",
}
"""What the program ends with."""

_INTRODUCTION = """
`pyhomelab COMMAND --help`, or `-h`, says on a terminal what stands here. `pyhomelab --version` prints the version.
INVENTORY is a file, or a directory whose `*.yaml` files are parts of one inventory; without it, it is `hosts` in the
directory where you are. Results go to stdout, all else to stderr. TIME is a number with `s`, `m` or `h`, such as `90s`.
An option in **bold** has to be given.
"""


def commands_page(program: click.Command) -> str:
    """Render the page of all commands that `program` shows in its help."""
    commands = list(all_commands(program, "pyhomelab"))
    return page(
        "# Commands",
        "<!-- Rendered by `tools/reference --write` from pyhomelab/cli; edit the help texts there. -->",
        prose(_INTRODUCTION),
        table(["command", "does"], [[link(code(name), name), summary(command)] for name, command in commands]),
        "## Exit codes",
        table(["code", "means"], [[str(number), meaning] for number, meaning in CODES.items()]),
        *(_section(name, command) for name, command in commands),
    )


def all_commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Give every command that can be called with its whole name, in the order of the help."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command, info_name=name)
    for part in command.list_commands(context):
        found = command.get_command(context, part)
        if found is not None and not found.hidden:
            yield from all_commands(found, f"{name} {part}")


def summary(command: click.Command) -> str:
    """Give the first sentence of a command's help."""
    return plain(cleandoc(command.help or "").partition("\n")[0])


def options_of(command: click.Command) -> list[click.Option]:
    """Give the options that a command's help shows, without --help, which all have."""
    return [one for one in command.params if isinstance(one, click.Option) and not one.hidden and _HELP not in one.opts]


def _section(name: str, command: click.Command) -> str:
    said, _, example = cleandoc(command.help or "").partition(_EXAMPLE)
    arguments = [_argument(one) for one in command.params if isinstance(one, click.Argument)]
    options = [_option(one) for one in options_of(command)]
    return page(
        f"## {name}",
        block("text", " ".join([name, *(["[OPTIONS]"] if options else []), *arguments])),
        prose(plain(said)),
        block("console", f"$ {' '.join(example.split())}") if example else "",
        table(["option", "means", "default"], options) if options else "",
    ).rstrip()


def _argument(argument: click.Argument) -> str:
    if argument.metavar:
        return argument.metavar
    choices = argument.type.choices if isinstance(argument.type, click.Choice) else ()
    shown = f"{{{'|'.join(map(str, choices))}}}" if choices else (argument.name or "").upper()
    return shown if argument.required else f"[{shown}]"


def _option(option: click.Option) -> list[str]:
    names = ", ".join(code(name) for name in option.opts)
    value = "" if option.is_flag else f" {code(_value(option))}"
    shown = f"**{names}{value}**" if option.required else f"{names}{value}"
    return [shown, plain(option.help or ""), code(str(option.default)) if option.show_default else ""]


def _value(option: click.Option) -> str:
    if option.metavar:
        return option.metavar
    match option.type:
        case click.Choice(choices=choices):
            return "|".join(map(str, choices))
        case click.IntRange() | click.types.IntParamType():
            return "NUMBER"
        case click.Path(dir_okay=False):
            return "FILE"
        case click.Path():
            return "PATH"
    return "TEXT"
