"""The option table of NixOS as a tree of declarations, written once to a JSON file that Nix reads."""

from __future__ import annotations

import hashlib
import json
import lzma
import re
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.modules import option_types
from tests.modules.option_types import Type, UnknownTypeError, parse
from tests.modules.sources import CACHE

DATA = Path(__file__).parents[1] / "data"
_TABLE = DATA / "nixos-options.json.xz"
_DELTA = DATA / "nixos-options-delta.json"
_EXTRA = DATA / "nixos-options-extra.json"
_KEYS = DATA / "systemd-keys.json"
# systemd.services._name_.serviceConfig, systemd.network.networks._name_.routes
_SECTION_OPTION = re.compile(r"systemd\.(?:network\.)?(?P<file>[a-z]+)\.(?:_name_|_)\.(?P<section>\w+?)(?:Config)?")
# Trees that tests/nix declares itself: their values are computed or their types carry a conversion.
_BY_HAND = frozenset(
    {
        "boot.kernelPackages",
        "boot.supportedFilesystems",
        "boot.zfs.enabled",
        "environment.etc",
        "lib",
        "networking.fqdn",
        "networking.fqdnOrHostName",
        "nixpkgs",
        "system.build",
        "_module",
    }
)
_PLACEHOLDERS = {"attrs": "_name_", "list": "_", "nonEmptyList": "_"}
_NEVER_TEXT = ("bool", "int", "unsigned", "positive", "port", "float", "number", "package", "attrs")


@dataclass
class _Node:
    name: str = ""
    option: dict[str, Any] | None = None
    children: dict[str, _Node] = field(default_factory=dict)


@cache
def table() -> dict[str, dict[str, Any]]:
    """Every option of the pinned release by its dotted name: `type` as text and `default` if known."""
    options: dict[str, dict[str, Any]] = json.loads(lzma.decompress(_TABLE.read_bytes()))
    delta, extra = json.loads(_DELTA.read_text()), json.loads(_EXTRA.read_text())
    options |= {name: {"type": kind} for name, kind in delta["added"].items()}
    for name in delta["removed"].keys() | extra["absent"].keys():
        options.pop(name, None)
    for name, change in extra["options"].items():
        options[name] = {key: value for key, value in change.items() if key != "source"}
    return options


@cache
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
    sources = [_TABLE, _DELTA, _EXTRA, _KEYS, Path(__file__), Path(option_types.__file__)]
    key = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    target = CACHE / f"option-tree-{key}.json"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=CACHE, delete=False) as handle:
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
        node.name, node.option = name, option
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
    declared: dict[str, Any] = {"type": _with_keys(node.name, _filled(kind, node.children))}
    if "default" in node.option and _can_be(kind, node.option["default"]):
        declared["default"] = node.option["default"]
    return declared


def _with_keys(name: str, kind: Type) -> Type:
    """`kind`, where it is a section of a unit or network file, with the keys that systemd knows there."""
    section = _section(name)
    match kind:
        case ["attrs", "unitOption"] if section:
            return ["section", *section]
        case ["list", ["attrs", "unitOption"]] if section:
            return ["list", ["section", *section]]
    return kind


def _section(name: str) -> tuple[str, str] | None:
    found = _SECTION_OPTION.fullmatch(name)
    if not found:
        return None
    parser = {"networks": "network", "netdevs": "network", "links": "link"}.get(found["file"], "unit")
    for section in json.loads(_KEYS.read_text())[parser]:
        if found["section"].lower() in (section.lower(), f"{section}s".lower(), f"{section}es".lower()):
            return parser, section
    return None


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
    if kind == "submodule":
        return ["submodule", None if children else "anything", _group(children)]
    if not children:
        return kind
    if kind[0] == "null":
        return ["null", _filled(kind[1], children)]
    if kind[0] == "either":
        return ["either", *_filled_member(list(kind[1:]), children)]
    placeholder = _PLACEHOLDERS.get(kind[0], "")
    if placeholder in children:
        return [kind[0], _filled(kind[1], children[placeholder].children)]
    return ["submodule", kind, _group(children)]  # a free form with some options declared


def _filled_member(members: list[Any], children: dict[str, _Node]) -> list[Type]:
    holders = [index for index, member in enumerate(members) if "submodule" in str(member)] or [0]
    return [_filled(member, children if index == holders[0] else {}) for index, member in enumerate(members)]
