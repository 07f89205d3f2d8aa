"""What `facts` prints: the entry for a new machine, or how a machine differs from the entry that it has."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import print_json
from pyhomelab.errors import HomelabError, Refused
from pyhomelab.facts.comparison import Path, comparison, stated
from pyhomelab.facts.disk_names import unnameable
from pyhomelab.facts.suggestion import suggestion
from pyhomelab.facts.words import contents, disk_in_words, machine_in_words, nic_in_words
from pyhomelab.files.amendment import Put, amended
from pyhomelab.files.entries import Entries
from pyhomelab.files.worktree import write
from pyhomelab.inventory.places import dotted
from pyhomelab.premises import Premises
from pyhomelab.text.source import parse
from pyhomelab.text.wording import counted, in_units, listed, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyhomelab.errors import LocatedMistake
    from pyhomelab.facts.machine import Disk, Facts
    from pyhomelab.facts.suggestion import Suggestion
    from pyhomelab.model import Host


class Differs(HomelabError):
    """A machine is not what its entry says; the differences have been said."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Told:
    """What a machine told, what it is called, and the entries that there are."""

    name: str
    facts: Facts
    entries: Entries


def tell(told: Told, *, is_known: bool, is_merged: bool, as_json: bool) -> None:
    """Print it, and write it into the inventory if it is to be merged; raises Differs if an entry is otherwise."""
    if is_known and told.name in told.entries.names:
        _compare(told, is_merged=is_merged, as_json=as_json)
    else:
        _suggest(told, is_merged=is_merged, as_json=as_json)


def _suggest(told: Told, *, is_merged: bool, as_json: bool) -> None:
    entry = suggestion(told.name, told.facts, told.entries.networks)
    if is_merged:
        _put(told, [Put(("hosts", told.name), _data(entry, told.name))])
    if as_json:
        _print_json(told, (), [dotted(("hosts", told.name))] if is_merged else [], entry)
        return
    click.echo(f"hosts:\n{entry.text}", nl=False)
    if is_merged:
        click.echo(f"{shown(told.entries.inventory)}: {told.name} was added", err=True)
    if entry.choices:
        click.echo(f"To be chosen, by what the remarks say: {listed(entry.choices)}", err=True)


def _data(entry: Suggestion, name: str) -> object:
    """Give the entry as data to be written, with numbers as numbers."""
    return _with_numbers(parse(f"hosts:\n{entry.text}", "").root.plain()["hosts"][name])


def _with_numbers(value: object) -> object:
    if isinstance(value, dict):
        return {key: _with_numbers(part) for key, part in value.items()}
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _put(told: Told, edits: list[Put]) -> None:
    inventory = told.entries.inventory
    write(Premises(inventory).directory, amended(inventory, edits))


def _compare(told: Told, *, is_merged: bool, as_json: bool) -> None:
    values: dict[Path, int | str] = {}
    if is_merged:
        _refuse_another(told)
        values = stated(_host(told), told.facts)
        _put(told, [Put(("hosts", told.name, *path), value) for path, value in values.items()])
        told = replace(told, entries=Entries.read(told.entries.inventory, needed=True))
    written = {dotted(("hosts", told.name, *path)): value for path, value in values.items()}
    if not as_json:
        _print(told, written)
    found = sorted(map(told.entries.located, comparison(told.name, _host(told), told.facts)), key=_place)
    if as_json:
        _print_json(told, found, list(written))
    elif found:
        click.echo("\n".join(map(str, found)))
    else:
        click.echo(f"{told.name} is what {shown(told.entries.inventory)} says")
    if found:
        raise Differs(f"differs from its entry in {counted(len(found), 'point')}", where=told.name)


def _refuse_another(told: Told) -> None:
    """Raise Refused if it is not the machine meant: another architecture is no change that a machine goes through."""
    system, architecture = _host(told).system, told.facts.architecture
    if architecture and architecture != system.partition("-")[0]:
        what = f"is {system} in the inventory, but the machine that was asked is {architecture}; nothing was written"
        raise Refused(what, where=told.name, hint="see whether it is the one meant")


def _print_json(
    told: Told, differences: Sequence[LocatedMistake], written: list[str], entry: Suggestion | None = None
) -> None:
    print_json(
        {
            "name": told.name,
            "facts": asdict(told.facts),
            "differences": [asdict(one) for one in differences],
            "suggestion": entry.text if entry is not None else None,
            "choices": list(entry.choices) if entry is not None else [],
            "written": written,
        }
    )


def _host(told: Told) -> Host:
    host = told.entries.host(told.name)
    if host is None:
        hint = "`pyhomelab check` names them"
        raise Refused("has mistakes, so no machine is compared with it", where=dotted(("hosts", told.name)), hint=hint)
    return host


def _place(found: LocatedMistake) -> tuple[str, int, int]:
    return found.file, found.line, found.column


def _print(told: Told, written: dict[str, int | str]) -> None:
    for line in _lines(told.name, told.facts):
        click.echo(line)
    for path, value in written.items():
        click.echo(f"{path} is {value} now")


def _lines(name: str, facts: Facts) -> Iterator[str]:
    yield f"{name}: {machine_in_words(facts)}"
    threads = counted(facts.cpu_threads, "thread") if facts.cpu_threads else "threads unknown"
    memory = f"{in_units(facts.memory)} of memory" if facts.memory else "memory unknown"
    firmware = facts.firmware or "firmware unknown"
    yield f"  {', '.join(filter(None, [threads, memory, firmware, facts.virtualization]))}"
    for disk in facts.disks:
        yield f"  {disk_in_words(disk)}: {contents(disk, is_known=facts.knows_contents)}"
        yield f"    {_named(disk, facts)}"
        yield from (f"    {use}" for use in disk.uses)
    yield from (f"  {nic.name}: {nic_in_words(nic)}" for nic in facts.nics)
    yield from (f"  It did not tell {missing}." for missing in facts.missing)


def _named(disk: Disk, facts: Facts) -> str:
    return unnameable(disk, facts.disks) or disk.by_id[0]
