"""Two closures → which packages come, go, and change their version: names are told from versions as Nix does it."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Closure = Mapping[str, int]
    """The store paths that a system is made of, each with its size in bytes."""

_STORE_PATH = re.compile(r"/nix/store/[0-9a-z]{32}-(?P<name>[0-9A-Za-z+._?=-]+)")
_VERSION = re.compile(r"-(?=[^A-Za-z])")
# NixOS keeps each unit in a path of its own, and writes `-` for what such a name must not have, as the @ of a template.
_UNIT = re.compile(
    r"unit-(?P<name>.+\.(?:automount|mount|nspawn|path|service|slice|socket|swap|target|timer))(?:-disabled)?"
)
# What the outputs of one package are called at the end of their names, after the version.
_OUTPUT = re.compile(
    r"-(?:bin|data|debug|dev|devdoc|dist|doc|getent|info|lib|lib32|lib64|man|modules|out|static|tools)$"
)
_NOTEWORTHY = 8 << 10
"""From so many bytes on it is said that something without a version became larger or smaller."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of two systems: its versions in each, none where it is not, and its size there in bytes."""

    name: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    old_size: int
    new_size: int

    @property
    def is_added(self) -> bool:
        """Whether only the new system has it."""
        return not self.old

    @property
    def is_removed(self) -> bool:
        """Whether only the old system has it."""
        return not self.new


@dataclass(frozen=True, slots=True)
class UnitFiles:
    """The units of systemd in which two systems differ, by the names of their files in the store."""

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def name_and_version(path: str) -> tuple[str, str]:
    """Take the name of a store path apart: the version begins at the first dash that no letter follows.

    >>> name_and_version("/nix/store/2iyfcz0pb0gg9gwlh6zlvd4pj1cb0xfb-openssl-3.4.1-bin")
    ('openssl', '3.4.1')
    """
    full = _full_name(path)
    dash = _VERSION.search(full)
    if dash is None:
        return full, ""
    return full[: dash.start()], _OUTPUT.sub("", full[dash.end() :])


def _full_name(path: str) -> str:
    match = _STORE_PATH.fullmatch(path)
    return match["name"] if match else path.rpartition("/")[2]


def differences(old: Closure, new: Closure) -> tuple[Package, ...]:
    """Give the packages in which two systems differ, the largest first.

    What bears no version counts if it comes or goes, or if its size changes by more than a little. Units do not count.
    """
    before, after = _grouped(old), _grouped(new)
    packages = [_package(name, before.get(name, []), after.get(name, [])) for name in before.keys() | after.keys()]
    return tuple(sorted(filter(_differs, packages), key=lambda one: (-max(one.old_size, one.new_size), one.name)))


def unit_differences(old: Closure, new: Closure) -> UnitFiles:
    """Give the units in which two systems differ. A switch need not restart all of them: NixOS decides that there."""
    before, after = _units(old), _units(new)
    return UnitFiles(
        changed=tuple(sorted(unit for unit in before.keys() & after.keys() if before[unit] != after[unit])),
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
    )


def _units(closure: Closure) -> Mapping[str, set[str]]:
    units: dict[str, set[str]] = defaultdict(set)
    for path in closure:
        if match := _UNIT.fullmatch(_full_name(path)):
            units[match["name"]].add(path)
    return units


def _grouped(closure: Closure) -> Mapping[str, list[tuple[str, int]]]:
    groups: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for path, size in closure.items():
        if _UNIT.fullmatch(_full_name(path)):
            continue
        name, version = name_and_version(path)
        groups[name].append((version, size))
    return groups


def _package(name: str, old: Sequence[tuple[str, int]], new: Sequence[tuple[str, int]]) -> Package:
    was, will_be = _versions(old), _versions(new)
    return Package(name, was, will_be, sum(size for _, size in old), sum(size for _, size in new))


def _versions(group: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    return tuple(sorted({version for version, _ in group}))


def _differs(package: Package) -> bool:
    return package.old != package.new or abs(package.new_size - package.old_size) >= _NOTEWORTHY
