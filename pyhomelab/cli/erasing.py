"""What would be erased is shown, and somebody agrees to it by typing the machine's name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pyhomelab.cli.tables import as_text
from pyhomelab.errors import Refused
from pyhomelab.text.wording import counted, in_units

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyhomelab.cli.telling import Teller
    from pyhomelab.installing.erasure import Doomed, Judgement
    from pyhomelab.installing.meant import Seen

_WIDTH = 160


def show_erasure(machine: str, seen: Seen, found: Judgement, tell: Teller) -> None:
    """Say on stderr which machine answered, and what its disks are that would be erased."""
    facts = seen.facts
    made_of = (
        facts.product,
        facts.architecture,
        counted(facts.cpu_threads, "CPU thread") if facts.cpu_threads is not None else None,
        f"{in_units(facts.memory)} of memory" if facts.memory is not None else None,
    )
    with tell.paused():
        click.echo(f"{machine}: {', '.join(filter(None, made_of))}; runs {facts.system} ({facts.hostname})", err=True)
        if found.doomed:
            click.echo(as_text(_table(found.doomed), _WIDTH), err=True)


def _table(doomed: Iterable[Doomed]) -> Table:
    table = Table("erases", "for", "size", "model", "serial", "holds now", box=SIMPLE_HEAD)
    table.columns[0].overflow = "fold"
    for one in doomed:
        disk = one.disk
        holds = "; ".join(one.holds) or "nothing that is known"
        name = f"{one.wanted.path} ({disk.name})"
        table.add_row(name, one.wanted.role, in_units(disk.size), disk.model or "", disk.serial or "", holds)
    return table


def refuse_doubtful(machine: str, found: Judgement) -> None:
    """Raise Refused, with every reason, if there is any not to erase the disks."""
    if found.reasons:
        reasons = "\n".join(f"- {reason}" for reason in found.reasons)
        raise Refused(f"is not installed, and nothing was changed:\n{reasons}", where=machine)


def refuse_unagreed(machine: str, found: Judgement, tell: Teller, *, agreed: bool) -> None:
    """Raise Refused unless somebody types the machine's name, or has given it already."""
    if agreed:
        return
    if not sys.stdin.isatty():
        raise Refused(
            "nobody is there to agree that its disks are erased", where=machine, hint=f"give --yes-erase {machine}"
        )
    disks = counted(len(found.doomed), "disk")
    with tell.paused():
        typed = click.prompt(
            f"All that is on {disks} will be gone. Type the machine's name to erase it",
            default="",
            show_default=False,
            err=True,
        )
    if typed != machine:
        raise Refused("nothing was changed", where=machine, hint=f"{machine} was not typed")
