"""What is known of systems before anything is changed: here, and from their machines."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.asking import TIMEOUT, waiting
from pyhomelab.deployment.outlook import outlook
from pyhomelab.deployment.rollout import Goal
from pyhomelab.errors import HostFailed
from pyhomelab.nix.closure import wanted_systems
from pyhomelab.nix.room import prospect
from pyhomelab.state.hoststate import SCRIPT, host_state, inhibitors
from pyhomelab.state.survey import survey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyhomelab.deployment.rollout import Change
    from pyhomelab.machines.targets import Target
    from pyhomelab.nix.room import Outlook, Prospect
    from pyhomelab.shell import Shell
    from pyhomelab.state.hoststate import HostState

_BOOT_PARTS = ("kernel", "initrd", "kernel-modules")


def goal_of(toplevel: Path) -> Goal:
    """Read from a system that was built here what `host/state.sh` says of one that a machine runs."""
    parts = {part: str((toplevel / part).resolve()) for part in _BOOT_PARTS if (toplevel / part).exists()}
    return Goal(
        str(toplevel),
        parts | {"kernel-params": _text(toplevel / "kernel-params")},
        _text(toplevel / "init-interface-version"),
        inhibitors(_text(toplevel / "switch-inhibitors")),
    )


def kept_goal(machines: Mapping[str, Target], host: str, system: str) -> Goal:
    """Ask a machine about a system that it keeps, which need not be here; raises HostFailed if it does not answer."""
    script = f"OTHER={shlex.quote(system)}\n{SCRIPT}"

    def ask(name: str, shell: Shell) -> HostState:
        return host_state(name, shell.run(script, timeout=TIMEOUT))

    ((_, answer),) = survey({host: machines[host]}, machines, ask, waiting)
    if isinstance(answer, HostFailed):
        raise answer
    kept = answer.other
    return Goal(system) if kept is None else Goal(system, kept.parts, kept.init_interface, kept.inhibitors)


def foresee(
    machines: Mapping[str, Target], changes: Mapping[str, Change]
) -> tuple[dict[str, Prospect], dict[str, HostFailed]]:
    """Ask the machines that are to change what their systems bring; gives that, and why some did not answer."""
    wanted = wanted_systems(change.new for change in changes.values())

    def ask(name: str, shell: Shell) -> Outlook:
        return outlook(name, shell, wanted[changes[name].new])

    prospects: dict[str, Prospect] = {}
    silent: dict[str, HostFailed] = {}
    for name, answer in survey({host: machines[host] for host in changes}, machines, ask, waiting):
        if isinstance(answer, HostFailed):
            silent[name] = answer
            click.echo(str(answer), err=True)
        else:
            prospects[name] = prospect(wanted[changes[name].new], answer)
    return prospects, silent


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace").strip() if file.exists() else ""
