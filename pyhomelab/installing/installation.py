"""The steps of an installation, what of them is left to do, and the words by which nixos-anywhere does each.

nixos-anywhere is told to do one of its phases at a time, so that each is in the journal before it begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pyhomelab.deployment.journal import Entry

PROGRAM = "nixos-anywhere"
DONE = "done"
"""The outcome of a step that came to its end."""

Step = Literal["kexec", "erase", "mount", "install", "restart", "first boot"]
STEPS: tuple[Step, ...] = ("kexec", "erase", "install", "restart", "first boot")
"""What is done to a machine, in this order; `mount` stands for `erase` where that was done before a restart."""

PHASES: Mapping[Step, str] = {
    "kexec": "kexec",
    "erase": "disko",
    "mount": "disko",
    "install": "install",
    "restart": "reboot",
}
"""What nixos-anywhere calls the steps that it does."""

LIMITS: Mapping[Step, int] = {"kexec": 1200, "erase": 1800, "mount": 600, "install": 7200, "restart": 300}
"""Seconds that each may take, with all that has to be copied for it."""

_FLAGS = ("--store-paths", "--phases", "--target-host", "--build-on", "--extra-files", "--disk-encryption-keys")


@dataclass(frozen=True, slots=True)
class Order:
    """What nixos-anywhere needs to know of an installation, whichever step it is at.

    `machine` is what ssh calls it. `keys` has, for each file that the installer needs in order to encrypt a pool, where
    it lies here; `extra` is a directory whose files go onto the new system. `kexec` is an image that is not its own.
    """

    machine: str
    system: str
    erasing: str
    mounting: str
    extra: Path | None = None
    keys: Mapping[str, Path] = field(default_factory=dict)
    kexec: str | None = None


def arguments(order: Order, step: Step) -> list[str]:
    """Give the arguments by which nixos-anywhere does one step of an order, and no other.

    The flake is evaluated and built before; the secrets go along with the step that needs them alone.
    """
    script = order.mounting if step == "mount" else order.erasing
    words = ["--phases", PHASES[step], "--store-paths", script, order.system, "--build-on", "local"]
    if step == "kexec" and order.kexec is not None:
        words += ["--kexec", order.kexec]
    if step in {"erase", "mount"}:
        words += [word for there, here in order.keys.items() for word in ("--disk-encryption-keys", there, str(here))]
    if step == "install" and order.extra is not None:
        words += ["--extra-files", str(order.extra)]
    return [*words, "--target-host", order.machine]


def too_old(usage: str) -> tuple[str, ...]:
    """Name the options that a nixos-anywhere does not know, by what it says of its usage."""
    return tuple(flag for flag in _FLAGS if flag not in usage)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an installation came: the steps that were done, and the one that was begun and not done.

    `mounted_in` is the boot of the machine in which its disks were mounted, by being laid out or later.
    """

    done: frozenset[str]
    begun: str | None
    mounted_in: str | None

    @property
    def has_erased(self) -> bool:
        """Whether anything of the disks may be gone."""
        return "erase" in self.done or self.begun == "erase"


def progress(entries: Sequence[Entry]) -> Progress:
    """Read the entries of a run; what is not known to have been done is not taken for done."""
    done = {entry.stage for entry in entries if entry.outcome == DONE}
    begun = entries[-1].stage if entries and entries[-1].outcome != DONE else None
    mounts = [entry for entry in entries if entry.stage in {"erase", "mount"} and entry.outcome == DONE]
    return Progress(frozenset(done), begun, mounts[-1].details.get("boot_id") if mounts else None)


def left_to_do(known: Progress, boot_id: str | None, *, is_installer: bool) -> tuple[Step, ...]:
    """Say what is left of an installation on a machine that is in this boot; None if it cannot be reached any more.

    Disks that were erased are not erased again: after another boot they are only mounted.
    """
    if boot_id is None:
        return ("first boot",)
    if "erase" not in known.done:
        return STEPS[1:] if is_installer else STEPS
    if "install" in known.done and not is_installer:
        return ("first boot",)
    if "install" in known.done:
        return ("restart", "first boot")
    before: tuple[Step, ...] = () if is_installer else ("kexec",)
    mounted: tuple[Step, ...] = () if boot_id == known.mounted_in else ("mount",)
    return (*before, *mounted, *STEPS[2:])
