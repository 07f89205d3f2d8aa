"""What `status` and `generations` share: the machines that are meant are asked for their state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyhomelab.errors import HostFailed, SomeFailed
from pyhomelab.inventory.load import load
from pyhomelab.machines.selection import select
from pyhomelab.machines.targets import targets
from pyhomelab.state.hoststate import SCRIPT, HostState, host_state
from pyhomelab.state.survey import survey
from pyhomelab.text.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pyhomelab.machines.targets import Target
    from pyhomelab.shell import Shell

Answers = dict[str, HostState | HostFailed]
TIMEOUT = 45.0
"""Seconds in which a machine says how it is."""
_MOST_NAMED = 5


def ask(inventory: Path, words: Sequence[str]) -> tuple[Mapping[str, Target], Answers]:
    """Ask the machines that the words mean for their state; gives both in the order of the inventory.

    Why one did not answer is said on stderr as soon as it is known.
    """
    machines = targets(load(inventory), inventory)
    chosen = select(words, machines)
    return chosen, ask_machines(machines, chosen)


def ask_machines(machines: Mapping[str, Target], names: Iterable[str]) -> Answers:
    """Ask some of the machines for their state; gives the answers in the order of the names."""
    chosen = {name: machines[name] for name in names}
    answers: Answers = {}
    for name, answer in survey(chosen, machines, _asked, waiting):
        answers[name] = answer
        if isinstance(answer, HostFailed):
            click.echo(str(answer), err=True)
    return {name: answers[name] for name in chosen}


def _asked(name: str, shell: Shell) -> HostState:
    return host_state(name, shell.run(SCRIPT, timeout=TIMEOUT))


def waiting(names: Sequence[str]) -> None:
    """Say who has not answered yet."""
    others = [counted(len(names) - _MOST_NAMED, "other")] if len(names) > _MOST_NAMED else []
    click.echo(f"waiting for {listed([*names[:_MOST_NAMED], *others])}", err=True)


def failure(answer: HostFailed) -> dict[str, object]:
    """Give why a machine did not answer as plain data."""
    return {"state": answer.kind, "said": str(answer)}


def refuse_silence(answers: Answers) -> None:
    """Raise SomeFailed if a machine did not answer."""
    silent = sum(isinstance(answer, HostFailed) for answer in answers.values())
    if silent:
        raise SomeFailed(f"{silent} of {counted(len(answers), 'machine')} could not be asked")
