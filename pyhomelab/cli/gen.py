"""`pyhomelab gen`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import inventory_argument, json_option, print_json
from pyhomelab.cli.secret_report import mention_rekey
from pyhomelab.errors import Stale
from pyhomelab.files.generated import changes_due
from pyhomelab.files.worktree import write
from pyhomelab.inventory.load import load
from pyhomelab.premises import Premises
from pyhomelab.text.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyhomelab.files.worktree import Change


@click.command()
@inventory_argument
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if a file is stale.")
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; show what would change.")
@json_option
def command(*, inventory: Path, only_check: bool, show_diff: bool, as_json: bool) -> None:
    """Write the flake's files from the inventory.

    INVENTORY is a file, or a directory whose *.yaml files are its parts (by default `hosts`). The files are written
    beside it: one directory a machine, and lab.nix. Files that you own (extra.nix) are made once and never touched
    again.

    Example: pyhomelab gen --diff
    """
    lab = load(inventory)
    premises = Premises(inventory)
    directory = premises.directory
    changes = changes_due(lab, premises)
    is_dry = only_check or show_diff
    if not is_dry:
        write(directory, changes)
    if as_json:
        print_json({"written": not is_dry, "files": {change.path: change.verb for change in changes}})
    elif show_diff:
        for change in changes:
            _show(change, directory)
    else:
        _report(changes, directory, is_dry=is_dry)
        mention_rekey(lab, inventory)
    if only_check and changes:
        raise Stale(f"{counted(len(changes), 'file')} not as the inventory says", hint="run `pyhomelab gen`")


def _report(changes: list[Change], directory: Path, *, is_dry: bool) -> None:
    for change in changes:
        click.echo(f"{'stale' if is_dry else change.verb}: {directory / change.path}")
    if not changes:
        click.echo("every file is as the inventory says")


def _show(change: Change, directory: Path) -> None:
    for line in _diff(change, directory):
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[0])
        click.echo(click.style(line, fg=colour), nl=False)


def _diff(change: Change, directory: Path) -> Iterator[str]:
    old, new = (text.splitlines(keepends=True) if text else [] for text in (change.old, change.new))
    path = str(directory / change.path)
    before = "/dev/null" if change.old is None else f"a/{path}"
    after = "/dev/null" if change.new is None else f"b/{path}"
    return difflib.unified_diff(old, new, before, after)
