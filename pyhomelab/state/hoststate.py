"""What a host said of itself → what it runs, what it ran, and whether that is what it would boot.

`host/state.sh` asks on the host, all in one go; here its answer is read and judged. Nothing that a host says is
trusted to be what it should: numbers are read as numbers, and text loses what would steer a terminal.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from pyhomelab.errors import HostFailed
from pyhomelab.shell.script import raw_rows_of
from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.shell import Done

SCRIPT = files("pyhomelab").joinpath("host/state.sh").read_text(encoding="utf-8")
"""A script of POSIX sh whose output `host_state` reads. A line before it may set OTHER to one more system."""

Drift = Literal["in sync", "reboot pending", "uncommitted", "unknown"]
_LINK = re.compile(r"(?:.*/)?system-([1-9][0-9]{0,8})-link")
_TARGET = re.compile(r"(?P<link>\S+) -> (?P<path>/\S+)")
_QUOTES = "\"'"
_UNKNOWN = "unknown"


class NotNixos(HostFailed):
    """The host runs something else than NixOS."""

    kind = "not NixOS"


class NoAnswer(HostFailed):
    """What the host said is not the answer to what it was asked."""

    kind = "no answer"


@dataclass(frozen=True, slots=True)
class System:
    """A system that a host runs or booted: its store path, and the parts of it that only a boot changes.

    A system of another `init_interface`, or with other values for what it calls `inhibitors`, cannot be switched to.
    """

    path: str
    nixos_version: str | None
    kernel: str | None
    parts: Mapping[str, str]
    init_interface: str = ""
    inhibitors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Generation:
    """A system that the host keeps, under a number, since a day."""

    number: int
    date: datetime
    path: str
    nixos_version: str | None
    kernel: str | None


@dataclass(frozen=True, slots=True)
class HostState:
    """What a host said of itself, at one moment.

    `default` is the number of the generation that the next boot starts; `specialisations` are other forms of it, by
    their store paths. `other` is a system that it was asked about in particular.
    """

    machine: str
    boot_id: str
    booted_at: datetime
    current: System | None
    booted: System | None
    default: int | None
    specialisations: Mapping[str, str]
    generations: tuple[Generation, ...]
    systemd: str
    failed_units: tuple[str, ...]
    other: System | None = None

    @property
    def next_boot(self) -> Generation | None:
        """The generation that the next boot starts."""
        return next((kept for kept in self.generations if kept.number == self.default), None)

    def generation_of(self, system: System | None) -> Generation | None:
        """Give the generation that holds a system: of several, the default one, else the newest."""
        if system is None:
            return None
        holding = [kept for kept in self.generations if kept.path == system.path]
        default = self.next_boot
        if default is not None and (system.path == default.path or system.path in self.specialisations):
            return default
        return holding[-1] if holding else None

    @property
    def drift(self) -> Drift:
        """Whether the host runs what it would run after a reboot.

        "uncommitted": the next boot undoes what was only tried. "reboot pending": the next boot brings another
        system, or a kernel that a switch could not change.
        """
        default = self.next_boot
        if self.current is None or self.booted is None or default is None:
            return "unknown"
        if self.generation_of(self.current) == default:
            return "reboot pending" if self.current.parts != self.booted.parts else "in sync"
        return "reboot pending" if self.current.path == self.booted.path else "uncommitted"


def host_state(name: str, done: Done) -> HostState:
    """Read what SCRIPT printed on a host; raises NotNixos, or NoAnswer if it is no answer."""
    lines = answer_rows(name, done, "its state")
    try:
        is_nixos, os, machine = lines["os"][0]
        boot_id, now, uptime = lines["boot"][0]
        _refuse_others(name, is_nixos, os)
        return HostState(
            machine=_clean(machine) or _UNKNOWN,
            boot_id=_clean(boot_id) or _UNKNOWN,
            booted_at=_moment(now) - timedelta(seconds=int(uptime)),
            current=_system(lines, "current"),
            booted=_system(lines, "booted"),
            default=_number(lines["profile"][0][0]) if lines["profile"] else None,
            specialisations={_clean(path): _clean(chosen) for chosen, path in lines["specialisation"]},
            generations=_generations(lines),
            systemd=_clean(lines["systemd"][0][0]) or _UNKNOWN,
            failed_units=tuple(_clean(unit) for (unit,) in lines["failed"]),
            other=_system(lines, "other"),
        )
    except (ValueError, IndexError, OverflowError, OSError):
        raise NoAnswer("answered with something that makes no sense", where=name) from None


def _refuse_others(name: str, is_nixos: str, os: str) -> None:
    if is_nixos != "yes":
        raise NotNixos(
            f"runs {_clean(os).strip(_QUOTES) or 'something'}, not NixOS",
            where=name,
            hint="install NixOS on it, or correct its address",
        )


def answer_rows(name: str, done: Done, asked_for: str) -> dict[str, list[list[str]]]:
    """Take an answer apart, by the first word of each row; around it, login shells may say what they like.

    Raises NoAnswer, with what was said instead of what was asked for, if there is none.
    """
    lines = raw_rows_of(done)
    if lines is None:
        said = harmless(done.stderr).split("\n") + harmless(done.stdout).split("\n")
        reason = next((line.strip() for line in said if line.strip()), "nothing")
        raise NoAnswer(
            f"did not run the script that asks for {asked_for} (exit {done.exit_code}), but said: {reason}", where=name
        )
    return lines


def _system(lines: Mapping[str, list[list[str]]], name: str) -> System | None:
    paths = [_clean(path) for which, path in lines["system"] if which == name]
    if not paths:
        return None
    version, kernel = _about(lines).get(name, (None, None))
    parts = {_clean(part): _clean(value) for which, part, value in lines["part"] if which == name}
    interface = next((_clean(value) for which, value in lines["init"] if which == name), "")
    texts = [text for which, text in lines["inhibitors"] if which == name]
    return System(paths[0], version, kernel, parts, interface, inhibitors(texts[0] if texts else ""))


def inhibitors(text: str) -> Mapping[str, str]:
    """Read a system's `switch-inhibitors`; NixOS compares nothing with a list, which an earlier release wrote there."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {_clean(key): _clean(value) for key, value in values.items() if isinstance(value, str)}


def _generations(lines: Mapping[str, list[list[str]]]) -> tuple[Generation, ...]:
    about = _about(lines)
    found = []
    for time, arrow in lines["link"]:
        match = _TARGET.fullmatch(arrow.replace("'", ""))
        number = _number(match["link"]) if match else None
        if match is None or number is None:
            continue
        version, kernel = about.get(match["link"].rpartition("/")[2], (None, None))
        found.append(Generation(number, _moment(time), _clean(match["path"]), version, kernel))
    return tuple(sorted(found, key=lambda kept: kept.number))


def _about(lines: Mapping[str, list[list[str]]]) -> dict[str, tuple[str | None, str | None]]:
    return {name: (_clean(version) or None, _clean(kernel) or None) for name, version, kernel in lines["about"]}


def _number(link: str) -> int | None:
    match = _LINK.fullmatch(link)
    return int(match[1]) if match else None


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _clean(text: str) -> str:
    return harmless(text).replace("\n", " ").strip()
