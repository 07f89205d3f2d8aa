"""`pyhomelab verify`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pyhomelab.checks import checks_of
from pyhomelab.cli.options import (
    host_option,
    inventory_argument,
    json_events_option,
    json_option,
    on_option,
    print_json,
    refuse_two_kinds,
    time_option,
)
from pyhomelab.cli.tables import as_text
from pyhomelab.cli.telling import teller
from pyhomelab.health.inspection import Inspection
from pyhomelab.health.junit import junit
from pyhomelab.health.verification import as_data, refuse_unwell, scripts_of
from pyhomelab.inventory.load import load
from pyhomelab.machines.selection import select
from pyhomelab.machines.targets import targets
from pyhomelab.telling.report import about

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyhomelab.checks import Finding
    from pyhomelab.cli.telling import Teller
    from pyhomelab.health.verification import Verified


@dataclass(frozen=True, slots=True)
class Output:
    """What was asked of stdout, and the file for JUnit's XML."""

    full: bool
    as_json: bool
    json_events: bool
    file: Path | None


def _writable(context: click.Context, parameter: click.Parameter, file: Path | None) -> Path | None:
    del context, parameter
    if file is not None and not file.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no directory {file.absolute().parent}")
    return file


@click.command()
@inventory_argument
@host_option
@on_option
@click.option(
    "--deep", is_flag=True, help="Ask also what goes wrong over weeks: scrubs, certificates, room, the clock."
)
@time_option(
    "--wait", "wait", None, "How long what is not well may take to become so; no check gets more than its own time."
)
@click.option(
    "--list", "only_list", is_flag=True, help="Name the checks and ask nobody; with --json, their scripts too."
)
@click.option("--full", is_flag=True, help="Name every check, not only those that do not hold.")
@click.option(
    "--junit",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    callback=_writable,
    help="Write JUnit's XML there as well.",
)
@json_option
@json_events_option
def command(  # noqa: PLR0913 - one for each option
    *,
    inventory: Path,
    hosts: tuple[str, ...],
    on: tuple[str, ...],
    deep: bool,
    wait: int | None,
    only_list: bool,
    full: bool,
    file: Path | None,
    as_json: bool,
    json_events: bool,
) -> None:
    """Ask the machines whether all is well with them.

    The checks are those of a deploy: what each role brings, and what the inventory declares. They run as root and
    change nothing. Exits 1 if a check fails; else 5 if one could not be run, as on a machine that cannot be reached.

    Example: pyhomelab verify --on @rack --deep
    """
    refuse_two_kinds(as_json=as_json, json_events=json_events)
    if only_list:
        _refuse_asking(wait, file, json_events=json_events)
        _list(inventory, (*hosts, *on), deep=deep, as_json=as_json)
        return
    with teller(json_events=json_events) as tell:
        found = _found(inventory, (*hosts, *on), tell, deep=deep, wait=wait or 0)
    _conclude(found, Output(full, as_json, json_events, file))


def _refuse_asking(wait: int | None, file: Path | None, *, json_events: bool) -> None:
    given = {"--wait": wait is not None, "--junit": file is not None, "--json-events": json_events}
    for option, is_given in given.items():
        if is_given:
            raise click.UsageError(f"{option} is about answers, and with --list nobody is asked: leave one out")


def _list(inventory: Path, words: Sequence[str], *, deep: bool, as_json: bool) -> None:
    lab = load(inventory)
    chosen = select(words, targets(lab, inventory))
    listed = {machine: own for machine, own in scripts_of(lab, deep=deep).items() if machine in chosen}
    if as_json:
        print_json({"hosts": listed})
        return
    for machine, own in listed.items():
        for check in own:
            click.echo(f"{machine}: {check['role']}: {check['name']}")


def _found(inventory: Path, words: Sequence[str], tell: Teller, *, deep: bool, wait: int) -> list[Verified]:
    lab = load(inventory)
    machines = targets(lab, inventory)
    chosen = select(words, machines)
    checks = {machine: own for machine, own in checks_of(lab, deep=deep).items() if machine in chosen}
    return Inspection(machines, tell, wait, _Password(tell)).inspect(checks)


@dataclass(slots=True)
class _Password:
    """The password of sudo: a person is asked for it once, for whichever machine needs it first."""

    tell: Teller
    lock: Lock = field(default_factory=Lock)
    given: list[str | None] = field(default_factory=list)

    def __call__(self) -> str | None:
        """Give it, or None if there is nobody to ask."""
        with self.lock:
            if not self.given:
                self.given.append(self._asked() if sys.stdin.isatty() else None)
            return self.given[0]

    def _asked(self) -> str:
        with self.tell.paused():
            return str(click.prompt("Password for sudo", hide_input=True, err=True))


def _conclude(found: Sequence[Verified], output: Output) -> None:
    """Say what was found, in every form that was asked for; raises if not all is well."""
    if output.file is not None:
        output.file.write_bytes(junit(found, datetime.now(UTC)))
    for one in found:
        if one.silence is not None:
            click.echo(str(one.silence), err=True)
    if output.as_json:
        print_json(as_data(found))
    elif not output.json_events:
        click.echo(_table(found))
        for line in _lines(found, full=output.full):
            click.echo(line)
    refuse_unwell(found)


def _table(found: Sequence[Verified]) -> str:
    table = Table("machine", "checks", "hold", "fail", "not run", "state", box=SIMPLE_HEAD)
    for one in found:
        counts = (one.findings, one.holding, one.failing, (*one.untold, *one.elsewhere))
        table.add_row(one.machine, *(str(len(some)) for some in counts), _state(one))
    return as_text(table)


def _state(one: Verified) -> str:
    if one.silence is not None:
        return one.silence.kind
    return "well" if one.is_well else "not well"


def _lines(found: Sequence[Verified], *, full: bool) -> Iterator[str]:
    for one in found:
        if one.silence is None:
            for finding in one.findings:
                if full or finding.verdict != "holds":
                    yield from about(one.machine, _told(finding))


def _told(finding: Finding) -> str:
    """Say how a check ended; of one that fails, what to do on the next line."""
    return f"{finding}\n{finding.check.mend}" if finding.verdict == "fails" else str(finding)
