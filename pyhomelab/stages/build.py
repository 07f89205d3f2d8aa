"""Derivation → system in the store, signed and kept from the garbage collector."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pyhomelab.events import Building, Progressed
from pyhomelab.flakes import NEEDS_NIX, NIX
from pyhomelab.said import progress, why_not_built, why_not_evaluated
from pyhomelab.states import BuildFailed, Built

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyhomelab.events import Tell
    from pyhomelab.process import Children, Ended
    from pyhomelab.states import Evaluated


class BuildOn(StrEnum):
    """Who builds."""

    LOCAL = "local"
    HOST = "host"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Site:
    """Where systems are built: by whom, where they are held on to, and the key that signs them, if there is one."""

    on: BuildOn
    roots: Path
    key: Path | None


def build(evaluated: Evaluated, site: Site, children: Children, tell: Tell) -> Built | BuildFailed:
    """Build the system of one machine, all of it that can be built, whatever fails."""
    host = evaluated.host

    def heard(line: str) -> None:
        if doing := progress(line):
            tell(Progressed(host, doing))

    tell(Building(host))
    site.roots.mkdir(parents=True, exist_ok=True)
    # The link is a root of the garbage collector: what was built is still there when it is deployed.
    argv = [*NIX, "build", "--keep-going", "--out-link", str(site.roots / host), *_builders(site.on)]
    argv += ["--print-out-paths", f"{evaluated.drv_path}^out"]
    with children.running(argv, needs=NEEDS_NIX, on_stderr=heard) as nix:
        paths = list(nix.lines())
        ended = nix.end()
    if ended.exit_code or not paths:
        return BuildFailed(host, _why(ended))
    return _signed(Built(host, paths[0], is_signed=False), site.key, children)


def _builders(on: BuildOn) -> Sequence[str]:
    """Without these words, nix.conf decides which builders there are."""
    return ("--builders", "") if on is BuildOn.LOCAL else ()


def _signed(built: Built, key: Path | None, children: Children) -> Built | BuildFailed:
    """Sign a system and all that it needs. Before it is copied anywhere: what is there already gets no signature."""
    if key is None:
        return built
    argv = [*NIX, "store", "sign", "--recursive", "--key-file", str(key), built.toplevel]
    with children.running(argv, needs=NEEDS_NIX) as nix:
        ended = nix.end()
    if ended.exit_code:
        return BuildFailed(built.host, f"it was built, but not signed\n{why_not_evaluated(ended.stderr)}")
    return Built(built.host, built.toplevel, is_signed=True)


def _why(ended: Ended) -> str:
    if ended.was_killed:
        return "nix was killed, most likely for want of memory"
    return why_not_built(ended.stderr) or f"nix ended with {ended.exit_code}"
