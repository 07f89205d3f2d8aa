"""Systems that are built here → what they are made of, and what each part takes up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.errors import HomelabError
from pyhomelab.nix.flakes import NEEDS_NIX
from pyhomelab.nix.room import Wanted
from pyhomelab.parallel import side_by_side
from pyhomelab.process import Children

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_AT_ONCE = 4
_AT_MOST = 5000  # arguments of one program
_BOOTED = ("kernel", "initrd")


def wanted_systems(systems: Iterable[str]) -> Mapping[str, Wanted]:
    """Ask the local store what systems are made of; one that several machines are to run is asked about once."""
    with Children() as children:

        def requisites(system: str) -> tuple[str, Sequence[str]]:
            return system, _query(["--requisites", system], children)

        parts = dict(side_by_side(requisites, dict.fromkeys(systems), _AT_ONCE, children))
        paths = sorted({path for some in parts.values() for path in some})
        sizes = dict(zip(paths, _sizes(paths, children), strict=True))
    return {
        system: Wanted(system, {path: sizes[path] for path in some}, _boot_files(Path(system)))
        for system, some in parts.items()
    }


def _sizes(paths: Sequence[str], children: Children) -> Iterator[int]:
    for first in range(0, len(paths), _AT_MOST):
        yield from map(int, _query(["--size", *paths[first : first + _AT_MOST]], children))


def _query(words: Sequence[str], children: Children) -> list[str]:
    # The oldest command that tells this: its output has been the same in all versions of Nix.
    with children.running(["nix-store", "--query", *words], needs=NEEDS_NIX) as nix:
        lines = list(nix.lines())
        ended = nix.end()
    if ended.exit_code:
        raise HomelabError(f"the local Nix store does not say what a system is made of\n{ended.stderr}")
    return lines


def _boot_files(toplevel: Path) -> Mapping[str, int]:
    files = [(toplevel / part).resolve() for part in _BOOTED if (toplevel / part).exists()]
    return {str(file): file.stat().st_size for file in files}
