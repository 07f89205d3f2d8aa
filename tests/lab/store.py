"""The part of a Nix store that units refer to, put together on a test host from what the modules wrote and what Debian has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.modules.harness import script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_PATH = re.compile(r"/nix/store/[0-9a-z]{32}-([-.+_?=0-9a-zA-Z]+)")


class NotHere(Exception):
    """A unit refers to a package for which this host has nothing."""


def fill(
    disk: Path,
    units: Iterable[str],
    packages: Mapping[str, tuple[str, ...]],
    stand_ins: Mapping[str, Mapping[str, str]],
    change: Callable[[str], str] = str,
) -> None:
    """Make whatever the texts of units refer to, directly or not, be in the store of a disk.

    A program that was written is there as it is, any other text after a `change`. A package has the programs of Debian's `packages`
    that stand for it and no others, so that a program that is missing on a PATH is missing here too.
    """
    pending, seen = list(units), set()
    while pending:
        for match in _PATH.finditer(pending.pop()):
            path, name = match.group(0), match.group(1)
            if path in seen:
                continue
            seen.add(path)
            text = _written(path)
            if text is not None:
                pending.append(text)
                _put(disk, path, name, text if text.startswith("#!") else change(text))
            elif name in packages:
                _package(disk, path, packages[name], stand_ins.get(name, {}))
            else:
                raise NotHere(f"{path}: no package of Debian is named for {name}")


def _written(path: str) -> str | None:
    try:
        return script(path)
    except KeyError:
        return None


def _put(disk: Path, path: str, name: str, text: str) -> None:
    place = disk / path.removeprefix("/")
    if text.startswith("#!"):
        place.joinpath("bin").mkdir(parents=True, exist_ok=True)
        place = place / "bin" / name
    place.write_text(text)
    place.chmod(0o755)


def _package(disk: Path, path: str, debian: Iterable[str], stand_ins: Mapping[str, str]) -> None:
    programs = disk / path.removeprefix("/") / "bin"
    if programs.exists():
        return
    programs.mkdir(parents=True)
    for package in debian:
        for program in _programs(disk, package):
            (programs / program.rpartition("/")[2]).symlink_to(program)
    for name, text in stand_ins.items():
        (programs / name).unlink(missing_ok=True)
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)


def _programs(disk: Path, package: str) -> list[str]:
    files = [file for file in (disk / "var/lib/dpkg/info").glob("*.list") if file.stem.partition(":")[0] == package]
    if not files:
        raise NotHere(f"the image has no package {package}")
    lines = files[0].read_text().splitlines()
    return [line for line in lines if re.fullmatch(r"(/usr)?/s?bin/[^/]+", line)]
