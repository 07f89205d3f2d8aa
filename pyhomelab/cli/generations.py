"""`pyhomelab generations`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pyhomelab.cli.asking import ask, failure, refuse_silence
from pyhomelab.cli.options import host_option, inventory_argument, json_option, on_option, print_json
from pyhomelab.cli.tables import as_text, local
from pyhomelab.errors import HostFailed
from pyhomelab.state.hoststate import HostState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pyhomelab.state.hoststate import Generation

_WIDTH = 240  # a store path is never broken: it is there to be copied


@click.command()
@inventory_argument
@host_option
@on_option
@json_option
def command(*, inventory: Path, hosts: tuple[str, ...], on: tuple[str, ...], as_json: bool) -> None:
    """List the systems that the machines keep.

    The newest of each machine is first. It runs the current one, was started with the booted one, and starts the
    default one when it boots. Exits 4 if a machine could not be asked.

    Example: pyhomelab generations --host dl1
    """
    _, answers = ask(inventory, (*hosts, *on))
    states = {name: answer for name, answer in answers.items() if isinstance(answer, HostState)}
    if as_json:
        print_json({"hosts": {name: _as_data(answer) for name, answer in answers.items()}})
    elif states:
        click.echo(_table(states))
        for name, state in states.items():
            for remark in _remarks(name, state):
                click.echo(remark)
    refuse_silence(answers)


def _table(states: Mapping[str, HostState]) -> str:
    table = Table("machine", "generation", "made", "NixOS", "kernel", "", "system", box=SIMPLE_HEAD)
    for name, state in states.items():
        for kept in reversed(state.generations):
            version, kernel = kept.nixos_version or "unknown", kept.kernel or "unknown"
            marks = ", ".join(_marks(state, kept))
            table.add_row(name, str(kept.number), local(kept.date), version, kernel, marks, kept.path)
    return as_text(table, _WIDTH)


def _marks(state: HostState, kept: Generation) -> list[str]:
    marks = {
        "current": state.generation_of(state.current) == kept,
        "booted": state.generation_of(state.booted) == kept,
        "default": kept.number == state.default,
    }
    return [word for word, holds in marks.items() if holds]


def _remarks(name: str, state: HostState) -> Iterator[str]:
    if not state.generations:
        yield f"{name}: keeps no generation"
    for verb, system in (("runs", state.current), ("was booted with", state.booted)):
        if system is not None and state.generation_of(system) is None:
            yield f"{name}: {verb} {system.path}, which is none of its generations"


def _as_data(answer: HostState | HostFailed) -> dict[str, object]:
    if isinstance(answer, HostFailed):
        return failure(answer)
    return {
        "state": "answered",
        "current_system": answer.current.path if answer.current else None,
        "booted_system": answer.booted.path if answer.booted else None,
        "generations": [
            {
                "generation": kept.number,
                "made": kept.date.isoformat(),
                "nixos_version": kept.nixos_version,
                "kernel": kept.kernel,
                "system": kept.path,
                **{word: word in _marks(answer, kept) for word in ("current", "booted", "default")},
            }
            for kept in reversed(answer.generations)
        ],
    }
