"""A machine and the system that it is to run → what it lacks of it, what is free there, what a switch would touch."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING

from pyhomelab.nix.room import BootFiles, Outlook, Units, boot_name
from pyhomelab.state.hoststate import NoAnswer, answer_rows
from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pyhomelab.nix.room import Wanted
    from pyhomelab.shell import Done, Shell

    Rows = Mapping[str, list[list[str]]]

_SCRIPT = files("pyhomelab").joinpath("host/outlook.sh").read_text(encoding="utf-8")
_PATIENCE = 180.0
_AT_ONCE = 500  # arguments of one program: far below what any Linux takes
_NUMBER = re.compile(r"[0-9]{1,19}")
_SYSTEMD_BOOT = "nixos"  # the directory of its kernels; GRUB's is "kernels"
_GENERATION = re.compile(r"(?:system-|nixos-generation-)([1-9][0-9]{0,8})(?:\D.*)?")
_WOULD = re.compile(r"would (stop|restart|reload|start) the following units: (.+)")


def outlook(name: str, shell: Shell, wanted: Wanted) -> Outlook:
    """Ask a machine about the system that it is to run, all in one go; raises NoAnswer if it talks nonsense."""
    paths = "\n".join(" ".join(some) for some in _portions(wanted.closure))
    values = f"NEW={shlex.quote(wanted.system)}\nPATHS={shlex.quote(paths)}\n"
    return read_outlook(name, shell.run(values + _SCRIPT, timeout=_PATIENCE))


def read_outlook(name: str, done: Done) -> Outlook:
    """Read what `host/outlook.sh` printed; raises NoAnswer if it is no answer."""
    rows = answer_rows(name, done, "room for its system")
    if ["trouble"] in rows["lacks"]:
        raise NoAnswer(f"its Nix does not say what it has: {_reason(done)}", where=name)
    try:
        paths = [harmless(path) for (path,) in rows["has"]]
        sizes = [_count(size) for (size,) in rows["size"]]
        return Outlook(
            lacks=frozenset(path for (path,) in rows["lacks"]),
            has=dict(zip(paths, sizes, strict=True)),
            free=_free(*rows["free"][0]),
            boot=_boot(rows),
            units=_units([harmless(line) for (line,) in rows["would"]]) if rows["would"] else None,
        )
    except (ValueError, IndexError, TypeError):
        raise NoAnswer("says nothing sensible about the room for its system", where=name) from None


def _portions(paths: Iterable[str]) -> Iterator[Sequence[str]]:
    rest = iter(sorted(paths))
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def _free(blocks: str, size: str) -> int:
    return _count(blocks) * _count(size)


def _count(digits: str) -> int:
    if not _NUMBER.fullmatch(digits):
        raise ValueError(digits)
    return int(digits)


def _boot(rows: Rows) -> BootFiles | None:
    if not rows["boot"]:
        return None
    place, blocks, size, kernels = rows["boot"][0]
    generations: dict[int, frozenset[str]] = {}
    for link, file in rows["boots"]:
        number = _generation(link)
        generations[number] = generations.get(number, frozenset()) | {boot_name(file)}
    return BootFiles(
        harmless(place),
        _free(blocks, size),
        {path.rpartition("/")[2].removesuffix(".efi"): _count(size) for size, path in rows["file"]},
        generations,
        frozenset(_generation(entry) for (entry,) in rows["entry"]),
        tidies_first=kernels == _SYSTEMD_BOOT,
    )


def _generation(name: str) -> int:
    match = _GENERATION.fullmatch(name)
    if match is None:
        raise ValueError(name)
    return int(match[1])


def _units(lines: Iterable[str]) -> Units:
    """Read what a dry run announced; what is stopped and started again is restarted."""
    found: dict[str, set[str]] = {"stop": set(), "restart": set(), "reload": set(), "start": set()}
    for line in lines:
        if match := _WOULD.fullmatch(line.strip()):
            found[match[1]].update(match[2].split(", "))
    again = found["stop"] & found["start"]
    return Units(
        stops=tuple(sorted(found["stop"] - again)),
        restarts=tuple(sorted(found["restart"] | again)),
        reloads=tuple(sorted(found["reload"])),
        starts=tuple(sorted(found["start"] - again)),
    )


def _reason(done: Done) -> str:
    lines = [line.strip() for line in harmless(done.stderr).split("\n") if line.strip()]
    return next((line for line in lines if line.startswith("error")), lines[0] if lines else "it said nothing")
