"""The reference pages by name, and what each would say now."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from pyhomelab.cli.main import program
from pyhomelab.model import Inventory
from pyhomelab.process import run
from tests.modules.sources import ROOT, nixpkgs_lib
from tools.pages.commands import commands_page
from tools.pages.inventory import inventory_page
from tools.pages.options import Option, option, options_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def inventories() -> list[Path]:
    """Give the inventories of this repository, the complete one first."""
    hosts = ROOT / "hosts"
    return [hosts / "inventory.yaml", *sorted(hosts.glob("examples/*/*.yaml"))]


class UnavailableError(Exception):
    """A page cannot be rendered on this machine; str() says what is missing."""


def missing() -> str:
    """Say what the page of the options lacks on this machine; nothing if it can be rendered."""
    if shutil.which("nix-instantiate") is None:
        return "nix-instantiate is not on PATH"
    return "" if nixpkgs_lib() else "nixpkgs' lib is not at hand (tools/get-inputs fetches it)"


def declared_options() -> list[Option]:
    """Ask Nix for the options of the modules."""
    if why := missing():
        raise UnavailableError(why)
    expression = f"(import {ROOT}/nix/options-doc.nix {{ lib = import {nixpkgs_lib()}; }}).list"
    done = run(
        ["nix-instantiate", "--eval", "--strict", "--json", "--expr", expression],
        doing="asking Nix for the options of the modules",
        needs="tools/get-nix finds or fetches it",
    )
    return [option(one) for one in json.loads(done.stdout)]


PAGES: dict[str, Callable[[], str]] = {
    "inventory.md": lambda: inventory_page(Inventory, inventories()),
    "commands.md": lambda: commands_page(program),
    "options.md": lambda: options_page(declared_options()),
}
"""The pages of docs/ that are rendered."""


def said_now(name: str) -> str:
    """Render a page; raises UnavailableError if this machine cannot."""
    return PAGES[name]()
