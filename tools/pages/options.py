"""docs/options.md: every option of the NixOS modules, from what Nix itself says of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tools.pages.markdown import block, code, link, page, plain, prose, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ON_ONE_LINE = 80
_ABOUT = {"homelab.secrets": "the encrypted files from which a machine gets its secrets"}

_INTRODUCTION = """
The options of the NixOS modules under `nix/modules`, as Nix itself describes them. [modules.md](modules.md) says how
the modules are used, alone or together. In a lab, `pyhomelab gen` sets these options from
[the inventory](inventory.md); what you set in a machine's `extra.nix` is merged with that. `<name>` stands for a name
that you choose, `*` for each entry of a list. An option without a default has to be set wherever the set that it is
part of is made.
"""


@dataclass(frozen=True, slots=True)
class Option:
    """One option; `default` and `example` are Nix, or prose where the default cannot be written down."""

    name: str
    type: str
    description: str
    default: str | None
    default_is_prose: bool
    example: str | None
    declared: tuple[str, ...]

    @property
    def concern(self) -> str:
        """The part of homelab.* that it belongs to."""
        return ".".join(self.name.split(".")[:2])


def option(described: Mapping[str, Any]) -> Option:
    """Read one entry of what Nix evaluates nix/options-doc.nix to."""
    default, example = described.get("default") or {}, described.get("example") or {}
    return Option(
        name=described["name"],
        type=_kind(described["type"]),
        description=described["description"],
        default=default.get("text"),
        default_is_prose=default.get("_type") == "literalMD",
        example=example.get("text"),
        declared=tuple(described["declarations"]),
    )


def _kind(text: str) -> str:
    """Say of a type what nixpkgs says of it, without how its text is read."""
    return text.replace("(optionally newline-terminated) ", "")


def options_page(options: Iterable[Option]) -> str:
    """Render the page of all options, concern by concern, the switch of each first."""
    ordered = sorted(options, key=_place)
    concerns = [(name, list(group)) for name, group in groupby(ordered, key=lambda one: one.concern)]
    return page(
        "# Options of the NixOS modules",
        "<!-- Rendered by `tools/reference --write` from nix/modules; edit the descriptions there. -->",
        prose(_INTRODUCTION),
        table(["options", "are about"], [[link(code(name), name), _about(group)] for name, group in concerns]),
        *(_concern(name, group) for name, group in concerns),
    )


def _place(one: Option) -> tuple[str, list[tuple[bool, str]]]:
    parts = one.name.split(".")[2:]
    return one.concern, [(part != "enable", part) for part in parts]


def _about(options: Sequence[Option]) -> str:
    """Say what a concern is about, which its switch says if it has one."""
    first = options[0]
    if not first.name.endswith(".enable"):
        return _ABOUT[first.concern]
    about = first.description.removeprefix("Whether to enable ").removesuffix(".")
    return " ".join(about.split())


def _concern(name: str, options: Sequence[Option]) -> str:
    return page(f"## {name}", *(_section(one) for one in options)).rstrip()


def _section(one: Option) -> str:
    facts = [f"- type: {code(one.type)}", *_default(one), *_fact("example", one.example)]
    files = ", ".join(f"[{file.removeprefix('nix/modules/')}](../{file})" for file in one.declared)
    return page(
        f"### {code(one.name)}", prose(plain(one.description)), "\n".join([*facts, f"- declared in {files}"])
    ).rstrip()


def _default(one: Option) -> list[str]:
    if one.default is not None and one.default_is_prose:
        return [f"- default: {' '.join(one.default.split())}"]
    return _fact("default", one.default)


def _fact(what: str, nix: str | None) -> list[str]:
    if nix is None:
        return []
    text = nix.strip()
    flat = " ".join(text.split())
    if len(flat) <= _ON_ONE_LINE and "#" not in text and "''" not in text:
        return [f"- {what}: {code(flat)}"]
    lines = block("nix", text).splitlines()
    return [f"- {what}:", "", *(f"  {line}".rstrip() for line in lines), ""]
