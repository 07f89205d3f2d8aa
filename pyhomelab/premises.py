"""Where the things of a lab lie, seen from its inventory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Premises:
    """The directories of a lab whose inventory is a file, or a directory of *.yaml files."""

    inventory: Path

    @property
    def directory(self) -> Path:
        """Where the inventory lies, and what is generated from it."""
        return self.inventory if self.inventory.is_dir() else self.inventory.parent

    @property
    def source(self) -> str:
        """What generated files call the inventory."""
        if not self.inventory.is_dir():
            return self.inventory.name
        parts = [path.name for path in self.inventory.glob("*.yaml") if not path.name.startswith(".")]
        return "inventory.yaml" if parts == ["inventory.yaml"] else "*.yaml"

    @property
    def root(self) -> Path:
        """Where the flake is."""
        return self.directory.resolve().parent

    @property
    def own(self) -> Path:
        """What pyhomelab keeps of its work on this machine, which git does not see."""
        return self.root / ".pyhomelab"

    @property
    def admin_key(self) -> Path:
        """The SSH key that `init` makes for a lab whose admin has none."""
        return self.own / "admin_ed25519"
