"""Where nixpkgs' lib, disko and sops-nix lie: named by hand, in the cache, or fetched by Nix before."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pyhomelab"
_NIX_DIGITS = "0123456789abcdfghijklmnpqrsvwxyz"  # no e, o, t, u


@cache
def nixpkgs_lib() -> Path | None:
    """The directory that holds nixpkgs' lib."""
    for place in _places("PYHOMELAB_NIXPKGS_LIB", "nixpkgs-lib", "nixpkgs"):
        for directory in (place, place / "lib"):
            if (directory / "modules.nix").is_file():
                return directory.resolve()
    return None


@cache
def checkout(variable: str, name: str) -> Path | None:
    """The tree of the input `name` of our flake; `variable` of the environment may name another."""
    return next((place.resolve() for place in _places(variable, name, name) if place.is_dir()), None)


def _places(variable: str, cached: str, flake_input: str) -> list[Path]:
    if variable in os.environ:
        return [Path(os.environ[variable])]
    return [CACHE / cached, *_fetched(flake_input)]


def _fetched(name: str) -> list[Path]:
    lock = ROOT / "flake.lock"
    nodes = json.loads(lock.read_text())["nodes"] if lock.is_file() else {}
    return [store_path(nodes[name]["locked"]["narHash"])] if name in nodes else []


def store_path(nar_hash: str) -> Path:
    """Where Nix keeps the source tree with this hash; computed as Nix does it, so none need run."""
    digest = base64.b64decode(nar_hash.removeprefix("sha256-")).hex()
    full = hashlib.sha256(f"source:sha256:{digest}:/nix/store:source".encode()).digest()
    short = bytearray(20)
    for index, byte in enumerate(full):
        short[index % 20] ^= byte
    number = int.from_bytes(short, "little")
    name = "".join(_NIX_DIGITS[number >> shift & 31] for shift in range(155, -1, -5))
    return Path("/nix/store") / f"{name}-source"
