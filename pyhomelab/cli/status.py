"""`pyhomelab status`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pyhomelab.cli.asking import ask, failure, refuse_silence
from pyhomelab.cli.options import host_option, inventory_argument, json_option, on_option, print_json
from pyhomelab.cli.tables import as_text, local
from pyhomelab.errors import HostFailed
from pyhomelab.wording import counted, lasting, listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyhomelab.cli.asking import Answers
    from pyhomelab.hoststate import HostState
    from pyhomelab.targets import Target

_WIDTH = 140


@click.command()
@inventory_argument
@host_option
@on_option
@json_option
def command(*, inventory: Path, hosts: tuple[str, ...], on: tuple[str, ...], as_json: bool) -> None:
    """Say what every machine runs, and how it is.

    A machine is in sync if it would run the same after a reboot. Its health is what systemd says of it. Exits 4 if a
    machine could not be asked.

    Example: pyhomelab status --on @rack
    """
    chosen, answers = ask(inventory, (*hosts, *on))
    if as_json:
        print_json({"hosts": {name: _as_data(answer) for name, answer in answers.items()}})
    else:
        click.echo(_table(answers))
        for name, answer in answers.items():
            if not isinstance(answer, HostFailed):
                for remark in _remarks(chosen[name], answer):
                    click.echo(f"{name}: {remark}")
    refuse_silence(answers)


def _table(answers: Answers) -> str:
    now = datetime.now(UTC)
    table = Table("machine", "NixOS", "generation", "deployed", "up", "state", "health", box=SIMPLE_HEAD)
    for name, answer in answers.items():
        if isinstance(answer, HostFailed):
            table.add_row(name, *["-"] * 4, answer.kind, "-")
            continue
        kept = answer.generation_of(answer.current)
        table.add_row(
            name,
            (answer.current.nixos_version if answer.current else None) or "unknown",
            str(kept.number) if kept else "-",
            local(kept.date) if kept else "-",
            lasting((now - answer.booted_at).total_seconds()),
            answer.drift,
            _health(answer),
        )
    return as_text(table, _WIDTH)


def _health(state: HostState) -> str:
    failed = f", {counted(len(state.failed_units), 'unit')} failed" if state.failed_units else ""
    return f"{state.systemd}{failed}"


def _remarks(target: Target, state: HostState) -> Iterator[str]:
    if not target.system.startswith(f"{state.machine}-"):
        yield f"is {state.machine}, but the inventory says {target.system}"
    yield from _drift(state)
    if state.failed_units:
        yield f"failed: {listed(state.failed_units)}"


def _drift(state: HostState) -> Iterator[str]:
    current, booted, default = state.current, state.booted, state.next_boot
    if default is None or current is None or booted is None:
        yield "keeps no generation that it would boot" if default is None else "does not say what it runs"
    elif state.drift == "uncommitted":
        yield f"the next boot undoes what it runs: it starts generation {default.number} again"
    elif state.drift == "reboot pending" and state.generation_of(current) == default:
        names = current.parts.keys() | booted.parts.keys()
        differing = sorted(part for part in names if current.parts.get(part) != booted.parts.get(part))
        yield f"runs with the {listed(differing)} of the system that it was booted with, until it is rebooted"
    elif state.drift == "reboot pending":
        yield f"the next boot starts generation {default.number}"


def _as_data(answer: HostState | HostFailed) -> dict[str, object]:
    if isinstance(answer, HostFailed):
        return failure(answer)
    current, booted, default = answer.current, answer.booted, answer.next_boot
    kept = answer.generation_of(current)
    return {
        "state": "answered",
        "machine": answer.machine,
        "nixos_version": current.nixos_version if current else None,
        "kernel": current.kernel if current else None,
        "current_system": current.path if current else None,
        "booted_system": booted.path if booted else None,
        "default_system": default.path if default else None,
        "generation": kept.number if kept else None,
        "default_generation": default.number if default else None,
        "deployed": kept.date.isoformat() if kept else None,
        "boot_id": answer.boot_id,
        "booted": answer.booted_at.isoformat(),
        "drift": answer.drift,
        "health": answer.systemd,
        "failed_units": list(answer.failed_units),
    }
