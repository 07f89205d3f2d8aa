"""`pyhomelab completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print shell completion for bash, zsh or fish.

    Example: pyhomelab completion fish > ~/.config/fish/completions/pyhomelab.fish
    """
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(completion(context.find_root().command, {}, "pyhomelab", "_PYHOMELAB_COMPLETE").source())
