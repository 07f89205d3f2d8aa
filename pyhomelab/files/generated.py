"""The files that `gen` writes, against what lies there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.files.render import render
from pyhomelab.files.worktree import differences
from pyhomelab.nix.signing import trusted_keys
from pyhomelab.text.wording import counted

if TYPE_CHECKING:
    from pyhomelab.files.worktree import Change
    from pyhomelab.model import Inventory
    from pyhomelab.premises import Premises


def changes_due(inventory: Inventory, premises: Premises) -> list[Change]:
    """List what `gen` would change; raises Refused where it would not write."""
    rendered = render(inventory, premises.source, trusted_keys(premises.directory))
    return differences(premises.directory, rendered)


def refuse_stale(inventory: Inventory, premises: Premises) -> None:
    """Raise Refused unless the generated files are what the inventory says: they, not it, are what Nix builds."""
    changes = changes_due(inventory, premises)
    if changes:
        files = counted(len(changes), "file")
        raise Refused(f"{files} not as the inventory says", where=str(premises.directory), hint="run `pyhomelab gen`")
