"""The option table of NixOS as a tree of declarations, written once to a JSON file that Nix reads."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.modules import option_types
from tests.modules.option_types import Type, UnknownTypeError, parse

DATA = Path(__file__).parents[1] / "data"
_TABLE = DATA / "nixos-options.json.xz"
_DELTA = DATA / "nixos-options-delta.json"
_EXTRA = DATA / "nixos-options-extra.json"
# Whole trees that tests/nix declares itself, because their values are computed or their types carry a conversion.
_BY_HAND = frozenset({
    "boot.kernelPackages", "boot.supportedFilesystems", "boot.zfs.enabled", "environment.etc", "lib",
    "networking.fqdn", "networking.fqdnOrHostName", "nixpkgs", "system.build", "_module",
})
_NEVER_TEXT = ("bool", "int", "unsigned", "positive", "port", "float", "number", "package", "submodule", "attrs")


@dataclass
class _Node:
    option: dict[str, Any] | None = None
    children: dict[str, _Node] = field(default_factory=dict)


@cache
def table() -> dict[str, dict[str, Any]]:
    """Every option of the release the lab is pinned to, by its dotted name: `type` as text and `default` if known."""
    options: dict[str, dict[str, Any]] = json.loads(lzma.decompress(_TABLE.read_bytes()))
    delta, extra = json.loads(_DELTA.read_text()), json.loads(_EXTRA.read_text())
    options |= {name: {"type": kind} for name, kind in delta["added"].items()}
    for name in delta["removed"].keys() | extra["absent"].keys():
        options.pop(name, None)
    for name, change in extra["options"].items():
        options[name] = {key: value for key, value in change.items() if key != "source"}
    return options


def unparsed() -> dict[str, str]:
    """Options whose type the table cannot rebuild, with its description: they accept anything."""
    found = {}
    for name, option in table().items():
        try:
            parse(option["type"])
        except UnknownTypeError:
            found[name] = option["type"]
    return found


def tree_file() -> Path:
    """The tree as a JSON file in the cache directory, made when data or code of it changed."""
    sources = [_TABLE, _DELTA, _EXTRA, Path(__file__), Path(option_types.__file__)]
    key = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pyhomelab"
    target = home / f"option-tree-{key}.json"
    if not target.exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=home, delete=False) as handle:
            json.dump(_group(_trie().children), handle)
        Path(handle.name).replace(target)  # several test processes may write at once
    return target


def _trie() -> _Node:
    root = _Node()
    for name, option in table().items():
        if _by_hand(name):
            continue
        node = root
        for part in name.split("."):
            node = node.children.setdefault(part, _Node())
        node.option = option
    return root


def _by_hand(name: str) -> bool:
    parts = name.split(".")
    return "_module" in parts or any(".".join(parts[:end]) in _BY_HAND for end in range(1, len(parts) + 1))


def _group(children: dict[str, _Node]) -> dict[str, Any]:
    return {name: _declaration(node) for name, node in children.items()}


def _declaration(node: _Node) -> dict[str, Any]:
    if node.option is None:
        return {"group": _group(node.children)}
    try:
        kind = parse(node.option["type"])
    except UnknownTypeError:
        kind = "anything"
    declared: dict[str, Any] = {"type": _filled(kind, node.children)}
    if "default" in node.option and _can_be(kind, node.option["default"]):
        declared["default"] = node.option["default"]
    return declared


def _can_be(kind: Type, default: object) -> bool:
    """Whether `default` is a value; for computed defaults the table has null or words in its place."""
    if default is None:
        return kind in ("anything", "raw", "json", "atom") or kind[0] == "null"
    if isinstance(default, str):
        plain = kind[1] if kind[0] == "null" else kind
        return plain not in _NEVER_TEXT and plain[0] not in ("between", "list", "attrs")
    return True


def _filled(kind: Type, children: dict[str, _Node]) -> Type:
    """`kind` with the options nested below it put where its submodule is."""
    if isinstance(kind, str):
        if kind == "submodule":
            return ["submodule", None if children else "anything", _group(children)]
        return ["submodule", kind, _group(children)] if children else kind
    match kind:
        case ["null", inner]:
            return ["null", _filled(inner, children)]
        case ["attrs", inner] if not children or "_name_" in children:
            return ["attrs", _filled(inner, _below(children, "_name_"))]
        case ["list" | "nonEmptyList" as constructor, inner] if not children or "_" in children:
            return [constructor, _filled(inner, _below(children, "_"))]
        case ["either", *members]:
            return ["either", *_filled_member(members, children)]
        case _ if children:
            return ["submodule", kind, _group(children)]
    return kind


def _below(children: dict[str, _Node], placeholder: str) -> dict[str, _Node]:
    return children[placeholder].children if placeholder in children else {}


def _filled_member(members: list[Any], children: dict[str, _Node]) -> list[Type]:
    holders = [index for index, member in enumerate(members) if "submodule" in str(member)] or [0]
    return [_filled(member, children if index == holders[0] else {}) for index, member in enumerate(members)]
