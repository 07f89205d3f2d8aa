"""`pyhomelab status`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pyhomelab.cli.asking import ask, failure, refuse_silence
from pyhomelab.cli.history import last_deployments
from pyhomelab.cli.options import host_option, inventory_argument, json_option, on_option, print_json
from pyhomelab.cli.tables import as_text, local
from pyhomelab.deployment.rollout import foreign
from pyhomelab.errors import HostFailed
from pyhomelab.premises import Premises
from pyhomelab.state.drift import drift_of, remarks
from pyhomelab.text.wording import counted, lasting, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pyhomelab.cli.asking import Answers
    from pyhomelab.deployment.journal import Deployment
    from pyhomelab.machines.targets import Target
    from pyhomelab.state.hoststate import HostState

_WIDTH = 170


@click.command()
@inventory_argument
@host_option
@on_option
@json_option
def command(*, inventory: Path, hosts: tuple[str, ...], on: tuple[str, ...], as_json: bool) -> None:
    """Say what every machine runs, and how it is.

    A machine is in sync if it would run the same after a reboot, and was given that from here; the run that did is
    named. Its health is what systemd says of it. Exits 4 if a machine could not be asked.

    Example: pyhomelab status --on @rack
    """
    chosen, answers = ask(inventory, (*hosts, *on))
    last = last_deployments(Premises(inventory), chosen)
    if as_json:
        print_json({"hosts": {name: _as_data(answer, last.get(name)) for name, answer in answers.items()}})
    else:
        click.echo(_table(answers, last))
        for name, answer in answers.items():
            if not isinstance(answer, HostFailed):
                for remark in _remarks(chosen[name], answer, last.get(name)):
                    click.echo(f"{name}: {remark}")
    refuse_silence(answers)


def _table(answers: Answers, last: Mapping[str, Deployment]) -> str:
    now = datetime.now(UTC)
    table = Table("machine", "NixOS", "generation", "deployed", "by run", "up", "state", "health", box=SIMPLE_HEAD)
    for name, answer in answers.items():
        if isinstance(answer, HostFailed):
            table.add_row(name, *["-"] * 5, answer.kind, "-")
            continue
        kept = answer.generation_of(answer.current)
        table.add_row(
            name,
            (answer.current.nixos_version if answer.current else None) or "unknown",
            str(kept.number) if kept else "-",
            local(kept.date) if kept else "-",
            run.run if (run := _brought(answer, last.get(name))) is not None else "-",
            lasting((now - answer.booted_at).total_seconds()),
            drift_of(answer, _given(last.get(name))),
            _health(answer),
        )
    return as_text(table, _WIDTH)


def _given(deployment: Deployment | None) -> str | None:
    return deployment.goal if deployment is not None else None


def _brought(state: HostState, deployment: Deployment | None) -> Deployment | None:
    """Give what brought the system that a machine runs, if that was done from here."""
    runs = state.current is not None and state.current.path == _given(deployment)
    return deployment if runs else None


def _health(state: HostState) -> str:
    failed = f", {counted(len(state.failed_units), 'unit')} failed" if state.failed_units else ""
    return f"{state.systemd}{failed}"


def _remarks(target: Target, state: HostState, last: Deployment | None) -> Iterator[str]:
    if is_of_another_kind := foreign(state, target.system):
        yield is_of_another_kind
    yield from remarks(state, _given(last))
    if state.failed_units:
        yield f"failed: {listed(state.failed_units)}"


def _as_data(answer: HostState | HostFailed, last: Deployment | None) -> dict[str, object]:
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
        "drift": drift_of(answer, _given(last)),
        "last_deployment": _deployment_data(last) if last is not None else None,
        "health": answer.systemd,
        "failed_units": list(answer.failed_units),
    }


def _deployment_data(deployment: Deployment) -> dict[str, object]:
    return {
        "run": deployment.run,
        "kind": deployment.kind,
        "by": deployment.by,
        "at": deployment.at.isoformat(),
        "system": deployment.goal,
    }
