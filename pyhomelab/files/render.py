"""What was decided → the files of the flake, as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pyhomelab.decide import decide, shared_options
from pyhomelab.text.nixlang import Path, bindings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyhomelab.decide import Machine
    from pyhomelab.model import Inventory

MADE_BY = "# Made by `pyhomelab gen` from "
"""How every generated file begins; a file that does not begin so is never overwritten or removed."""

_EXTRA = """\
# Settings of {name} that are yours; `pyhomelab gen` made this file once and never touches it again.
{{ ... }}:
{{
}}
"""


@dataclass(frozen=True, slots=True)
class RenderedLab:
    """Files by path below the inventory's directory: those that follow it, and those made once for the owner."""

    generated: dict[str, str] = field(default_factory=dict)
    owned: dict[str, str] = field(default_factory=dict)


def render(inventory: Inventory, source: str = "inventory.yaml", trusted_keys: Sequence[str] = ()) -> RenderedLab:
    """Files by path below the inventory's directory: those that follow it, and those made once for the owner.

    `trusted_keys` are the public halves of the keys that sign what is built for the lab.
    """
    rendered = RenderedLab()
    shared = shared_options(inventory, trusted_keys)
    rendered.generated["lab.nix"] = _file(
        [{"homelab": {**shared, "secrets": {"directory": Path("./secrets")}}}],
        source,
        "what all machines of the lab share",
    )
    for machine in decide(inventory):
        _render_machine(machine, source, rendered)
    return rendered


def _render_machine(machine: Machine, source: str, rendered: RenderedLab) -> None:
    others = sorted(stem for stem in machine.parts if stem != "default")
    imports = [Path("../lab.nix"), *(Path(f"./{stem}.nix") for stem in sorted([*others, "extra"]))]
    own_settings = "your own settings go into extra.nix"
    rendered.generated[f"{machine.name}/default.nix"] = _file(
        [{"imports": imports}, machine.identity, {"homelab": machine.parts["default"]}],
        f"../{source}",
        own_settings,
    )
    for stem in others:
        rendered.generated[f"{machine.name}/{stem}.nix"] = _file(
            [{"homelab": machine.parts[stem]}], f"../{source}", own_settings
        )
    rendered.owned[f"{machine.name}/extra.nix"] = _EXTRA.format(name=machine.name)


def _file(groups: list[dict[str, Any]], source: str, remark: str) -> str:
    """Lay out a module: its groups of settings a blank line apart."""
    body = "\n\n".join(_group(group) for group in groups)
    return f"{MADE_BY}{source}; {remark}.\n{{\n{body}\n}}\n"


def _group(group: dict[str, Any]) -> str:
    """Write one group; several concerns under `homelab` stand a blank line apart when they are longer than a line."""
    concerns = group.get("homelab", {})
    if len(concerns) < 2:  # noqa: PLR2004 - two make a list
        return "\n".join(bindings(group, "  "))
    lines = bindings(concerns, "    ")
    text = lines[0]
    for before, binding in pairwise(lines):
        text += ("\n\n" if "\n" in before + binding else "\n") + binding
    return f"  homelab = {{\n{text}\n  }};"
