"""What a system takes up on a machine, and what is free there: whether it fits is known before anything is copied."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyhomelab.nix.packages import Package, UnitFiles, differences, unit_differences
from pyhomelab.text.wording import in_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.nix.packages import Closure

STORE = "/nix/store"
_STORE_MARGIN = 1.05
"""File systems keep more of a file than what is in it."""
_BOOT_MARGIN = 1.2
_WAYS_OUT = {STORE: "`nix-collect-garbage` there, as root, makes room"}
_FEWER = "`nix-env --profile /nix/var/nix/profiles/system --delete-generations +3` there, as root, makes room"


@dataclass(frozen=True, slots=True)
class BootFiles:
    """What a machine keeps on its boot partition: kernels and initrds, by the names of their files, with their sizes.

    `generations` are those that the machine keeps, by number, with the names of the files that each boots with.
    `listed` are the numbers of those in the boot menu, if the boot loader says so. The installer of systemd-boot
    `tidies_first`: it removes what no generation boots with before it writes; GRUB's does so when it has written.
    """

    place: str
    free: int
    files: Mapping[str, int]
    generations: Mapping[int, frozenset[str]]
    listed: frozenset[int] = frozenset()
    tidies_first: bool = False

    @property
    def obsolete(self) -> int:
        """The bytes that the boot loader's installer frees before it writes: of generations that leave the menu."""
        if not self.tidies_first:
            return 0
        kept = self.generations.keys()
        # A menu that does not list all that is kept is full: its oldest entry makes place for the new one.
        staying = set(sorted(self.listed)[1:]) if self.listed and not kept <= self.listed else kept
        used = {name for number in staying for name in self.generations.get(number, ())}
        return sum(size for name, size in self.files.items() if name not in used)


@dataclass(frozen=True, slots=True)
class Units:
    """The units that a switch touches, as NixOS announces it."""

    stops: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    reloads: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a machine said of a system that it is to run: what it lacks of it, what it has now, and what is free.

    `units` is None where the machine cannot tell yet: most often because it lacks the system.
    """

    lacks: frozenset[str]
    has: Closure
    free: int
    boot: BootFiles | None = None
    units: Units | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """What is needed somewhere, and what is free there, in bytes."""

    place: str
    needed: int
    free: int

    @property
    def shortage(self) -> str:
        """Say what is too little, and the way out; nothing if it is enough."""
        if self.needed <= self.free:
            return ""
        way_out = _WAYS_OUT.get(self.place, _FEWER)
        return f"needs {in_units(self.needed)} in {self.place}, has {in_units(self.free)}; {way_out}"


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a change brings to a machine: packages, bytes to copy, places that fill up, units that are touched.

    `unit_files` are those that differ; `units`, once the machine has the system and can tell, those that are touched.
    """

    packages: tuple[Package, ...]
    unit_files: UnitFiles
    old_size: int
    new_size: int
    paths: int
    copied: int
    spaces: tuple[Space, ...]
    units: Units | None = None

    @property
    def shortages(self) -> tuple[str, ...]:
        """Say where there is too little space."""
        return tuple(space.shortage for space in self.spaces if space.shortage)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A system as its machine is asked about it: all that it is made of, and what it puts on the boot partition.

    `boot_files` are its kernel and its initrd, by their paths in the store, with their sizes.
    """

    system: str
    closure: Closure
    boot_files: Mapping[str, int] = field(default_factory=dict)


def prospect(wanted: Wanted, outlook: Outlook) -> Prospect:
    """Say what it means for a machine to get a system."""
    lacking = [size for path, size in wanted.closure.items() if path in outlook.lacks]
    copied = sum(lacking)
    spaces = [Space(STORE, math.ceil(copied * _STORE_MARGIN), outlook.free)]
    if outlook.boot is not None:
        spaces.append(_boot_space(wanted, outlook.boot))
    return Prospect(
        packages=differences(outlook.has, wanted.closure) if outlook.has else (),
        unit_files=unit_differences(outlook.has, wanted.closure) if outlook.has else UnitFiles(),
        old_size=sum(outlook.has.values()),
        new_size=sum(wanted.closure.values()),
        paths=len(lacking),
        copied=copied,
        spaces=tuple(spaces),
        units=outlook.units,
    )


def boot_name(path: str) -> str:
    """Give the name under which boot loaders keep a file of the store on their partition, without an ending."""
    return path.removeprefix(f"{STORE}/").replace("/", "-")


def _boot_space(wanted: Wanted, boot: BootFiles) -> Space:
    new = sum(size for path, size in wanted.boot_files.items() if boot_name(path) not in boot.files)
    return Space(boot.place, math.ceil(new * _BOOT_MARGIN), boot.free + boot.obsolete)
