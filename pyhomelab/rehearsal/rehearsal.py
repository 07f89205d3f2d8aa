"""A lab in virtual machines on this computer: what that takes, what of it is missing here, and how Nix makes it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.nix.flakes import NEEDS_NIX, NIX
from pyhomelab.process import CommandFailed, ToolMissing, run
from pyhomelab.text.nixlang import expression as written
from pyhomelab.text.nixlang import string

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FILES = Path(str(files("pyhomelab"))) / "virtual"
_KVM = Path("/dev/kvm")
_MEMORY = Path("/proc/meminfo")
_OVERHEAD_MIB = 256
"""What QEMU itself takes for a machine, about."""
_SYSTEM = "x86_64-linux"
_FETCHING = 1800


@dataclass(frozen=True, slots=True)
class Computer:
    """What this computer has: its processor's name, whether KVM is there and may be used, and its free memory."""

    processor: str
    has_kvm: bool
    may_use_kvm: bool
    free_mib: int


@dataclass(frozen=True, slots=True)
class Stand:
    """A virtual machine: its memory, the switches of its cards, the port that leads to its ssh, its architecture."""

    memory_mib: int
    cards: Mapping[str, int]
    port: int
    system: str


def this_computer(kvm: Path = _KVM, memory: Path = _MEMORY) -> Computer:
    """Look at the computer that this program runs on."""
    free = next(line.split()[1] for line in memory.read_text(encoding="ascii").splitlines() if "MemAvailable" in line)
    may_use = os.access(kvm, os.R_OK | os.W_OK)
    return Computer(platform.machine(), kvm.exists(), may_use, int(free) // 1024)


def lacks(computer: Computer, stands: Mapping[str, Stand]) -> Iterator[str]:
    """Say what the computer lacks for the machines, each with the way out."""
    others = [name for name, stand in stands.items() if stand.system != _SYSTEM]
    if computer.processor != "x86_64":
        yield f"its processor is {computer.processor}, and the machines are made for x86_64"
    elif others:
        yield f"{', '.join(others)}: not made for x86_64; name the others"
    if not computer.has_kvm:
        yield "/dev/kvm is not there: turn virtualisation on in the firmware, or load kvm_intel or kvm_amd"
    elif not computer.may_use_kvm:
        yield "/dev/kvm is not yours to use: join the group kvm"
    needed = sum(stand.memory_mib + _OVERHEAD_MIB for stand in stands.values())
    if needed > computer.free_mib:
        yield (
            f"{needed} MiB of memory are needed and {computer.free_mib} MiB are free: name fewer machines, "
            "or give each less by --memory"
        )


def lacks_of_nix(flake: str) -> Iterator[str]:
    """Say whether Nix is missing, or a source that the machines are built from cannot be had; fetches it if it can."""
    sources = f'with (builtins.getFlake {string(flake)}).inputs; "${{nixpkgs}} ${{disko}}"'
    argv = [*NIX, "eval", "--impure", "--raw", "--expr", sources]
    try:
        run(argv, doing="fetching nixpkgs", needs=NEEDS_NIX, timeout=_FETCHING)
    except ToolMissing as missing:
        yield str(missing)
    except CommandFailed as failed:
        reason = failed.what.splitlines()[-1].strip().removeprefix("error: ")
        yield f"nixpkgs and disko, which flake.lock names, cannot be fetched: {reason}"


def expression(flake: str, directory: str, stands: Mapping[str, Stand]) -> str:
    """Write the Nix expression of the driver that boots the machines of a lab's flake."""
    machines = {
        name: {"cards": dict(stand.cards), "memory": stand.memory_mib, "port": stand.port}
        for name, stand in stands.items()
    }
    return (
        f"let flake = builtins.getFlake {string(flake)}; in import {string(str(_FILES / 'try.nix'))} {{\n"
        f"  pkgs = flake.inputs.nixpkgs.legacyPackages.{_SYSTEM};\n"
        "  inherit (flake.inputs) disko;\n"
        "  root = flake.outPath;\n"
        f"  directory = {string(directory)};\n"
        f"  machines = {written(machines, '  ')};\n"
        "}\n"
    )


def building(expression: str) -> Sequence[str]:
    """Give the words by which Nix builds the driver, and prints where it is."""
    return [*NIX, "build", "--impure", "--no-link", "--print-out-paths", "--expr", expression]
