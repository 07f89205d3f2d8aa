"""The secrets of a lab as a table and as plain data: who can read which."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pyhomelab.cli.tables import as_text
from pyhomelab.errors import Stale
from pyhomelab.secrets.oversight import rekey_due, review
from pyhomelab.secrets.vault import secrets_directory
from pyhomelab.text.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pyhomelab.model import Inventory
    from pyhomelab.secrets.oversight import Finding
    from pyhomelab.secrets.recipients import Readers
    from pyhomelab.secrets.vault import Kept


def secret_table(states: Sequence[Kept], readers: Readers) -> str:
    """Draw which secrets there are, and for whom each is encrypted."""
    table = Table("secret", "for", "machines", "state", box=SIMPLE_HEAD)
    for state in states:
        table.add_row(state.secret.name, state.secret.used_for, ", ".join(state.secret.hosts), _state(state, readers))
    return as_text(table)


def _state(state: Kept, readers: Readers) -> str:
    if not state.is_there:
        return "missing"
    if state.recipients is None:
        return "not encrypted"
    cannot_read = _shut_out(state, readers)
    text = f"for {', '.join(_names(state.recipients, readers))}"
    return f"{text}; not for {', '.join(cannot_read)}" if cannot_read else text


def as_data(state: Kept, readers: Readers) -> dict[str, object]:
    """Give what the table shows as plain data."""
    return {
        "name": state.secret.name,
        "used_for": state.secret.used_for,
        "kind": state.secret.kind,
        "hosts": list(state.secret.hosts),
        "file": str(state.file),
        "is_there": state.is_there,
        "is_encrypted": state.recipients is not None,
        "can_read": _names(state.recipients or (), readers),
        "cannot_read": _shut_out(state, readers),
    }


def _names(recipients: Sequence[str], readers: Readers) -> list[str]:
    return list(dict.fromkeys(name for recipient in recipients for name in readers.names_of(recipient)))


def _shut_out(state: Kept, readers: Readers) -> list[str]:
    return [host for host in state.secret.hosts if not readers.has_key(host, state.recipients or ())]


def finding_data(finding: Finding) -> dict[str, object]:
    """Give a finding as plain data."""
    return {**asdict(finding), "is_mistake": finding.is_mistake}


def refuse_mistakes(found: Iterable[Finding]) -> None:
    """Raise Stale if somebody can read a secret, or cannot, against the inventory."""
    mistakes = [finding for finding in found if finding.is_mistake]
    if mistakes:
        count = len({name for finding in mistakes for name in finding.about})
        raise Stale(
            f"{counted(count, 'secret')} not as the inventory says",
            hint="`pyhomelab secret rekey` mends those that are shared wrongly",
        )


def mention_rekey(lab: Inventory, inventory: Path, *, err: bool = False) -> None:
    """Say that secrets are to be encrypted for others, if they are."""
    for finding in rekey_due(review(lab, secrets_directory(inventory))):
        click.echo(f"secrets: {finding}", err=err)
