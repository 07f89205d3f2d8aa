"""The group of commands; a command's module is imported only when it is called, so that help is instant."""

from __future__ import annotations

import gc
import signal
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyhomelab.errors import HomelabError
from pyhomelab.text.wording import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

COMMANDS = {
    "init": "Make a new lab in a directory.",
    "facts": "Say what a machine is made of, as an entry for the inventory.",
    "check": "Read and judge the inventory.",
    "gen": "Write the flake's files from the inventory.",
    "install": "Install a bare machine, having shown which disks that erases.",
    "build": "Evaluate and build the systems of the machines.",
    "plan": "Say what a deploy would change, and in which order.",
    "deploy": "Bring the machines to what the inventory says.",
    "rollback": "Bring a machine back to an earlier generation.",
    "try": "Boot the lab in virtual machines on this computer.",
    "status": "Say what every machine runs, and how it is.",
    "verify": "Ask the machines whether all is well with them.",
    "generations": "List the systems that the machines keep.",
    "secret": "Make, keep and share the secrets that the lab needs.",
    "retire": "Take a host or a guest out of the lab.",
    "schema": "Print the JSON Schema of the inventory.",
    "completion": "Print shell completion for bash, zsh or fish.",
}


class Commands(click.Group):
    """Commands by name, each in the module of its name under `pyhomelab.cli`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the commands in the order of their use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"pyhomelab.cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version() -> str:
    try:
        return version("pyhomelab")
    except PackageNotFoundError:
        return "from a source tree"


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), message="pyhomelab %(version)s")
def program() -> None:
    """One inventory in, a NixOS flake out: a home private cloud as one text file.

    Example: pyhomelab init lab && cd lab && pyhomelab gen
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; a failure becomes its sentence on stderr and its exit code."""
    # A run is short and keeps nearly all that it makes: looking for garbage all the time costs half of it.
    gc.set_threshold(100_000, 50, 100)
    signal.signal(signal.SIGTERM, _end)
    try:
        program.main(arguments, prog_name="pyhomelab")
    except HomelabError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except OSError as error:  # what no part foresaw, such as an output that takes no more
        where = f"{shown(Path(error.filename))}: " if isinstance(error.filename, str) else ""
        click.echo(f"{where}{(error.strerror or str(error)).lower()}", err=True)
        sys.exit(1)


def _end(number: int, frame: FrameType | None) -> None:
    """End as after Ctrl-C, so that what was started is stopped."""
    del frame
    sys.exit(128 + number)
