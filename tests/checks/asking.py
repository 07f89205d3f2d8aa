"""Asking checks without a host: this machine's shell, with stand-ins for what it must not or cannot run."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyhomelab.checks import checks_of
from pyhomelab.inventory.load import load
from pyhomelab.shell import Done
from tests.labs import lab

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.checks import Check
    from pyhomelab.model import Inventory
    from tests.labs import Changes

HOSTS = Path(__file__).parent.parent.parent / "hosts"
EXAMPLES = (HOSTS, *sorted(path for path in (HOSTS / "examples").iterdir() if path.is_dir()))
SHELLS = sorted({str(Path(found).resolve()) for found in map(shutil.which, ("sh", "dash", "bash")) if found})


def needs(program: str, package: str) -> pytest.MarkDecorator:
    """A mark: skip unless a program of the Debian package is there."""
    reason = f"no {program} on PATH: install the Debian package {package}"
    return pytest.mark.skipif(shutil.which(program) is None, reason=reason)


@cache
def example(directory: Path) -> Inventory:
    """The inventory of an example."""
    return load(directory)


def check_of(machine: str, name: str, changes: Changes | None = None, of: Inventory | None = None) -> Check:
    """The check of a machine that has a name; of the lab of three servers, with changes, unless told otherwise."""
    checks = checks_of(of or lab(changes), deep=True)[machine]
    found = [check for check in checks if check.name == name]
    assert found, f"{machine} has no check {name!r}, but {[check.name for check in checks]}"
    return found[0]


def stand_in(directory: Path, **programs: str) -> Path:
    """A directory for PATH with programs that do what a text in sh says."""
    directory.mkdir(exist_ok=True)
    for name, text in programs.items():
        (directory / name).write_text(f"#!/bin/sh\n{text}\n")
        (directory / name).chmod(0o755)
    return directory


@dataclass
class Here:
    """This machine's shell as that of a host: `programs` come first on its PATH, `places` are elsewhere."""

    programs: Path
    places: Mapping[str, str] = field(default_factory=dict)
    by: str = SHELLS[0]
    alone: bool = False
    """Whether nothing but `programs` is on PATH."""
    asked: list[str] = field(default_factory=list)

    def run(self, script: str, *, timeout: float) -> Done:
        """Run a script of POSIX sh."""
        self.asked.append(script)
        for place, elsewhere in self.places.items():
            script = script.replace(place, elsewhere)
        path = str(self.programs) if self.alone else f"{self.programs}:{os.environ['PATH']}:/usr/sbin:/sbin"
        done = subprocess.run(
            [self.by, "-s"],
            input=script,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={"PATH": path, "HOME": str(self.programs.parent)},
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        """Nothing is open."""


def asked(check: Check, shell: Here) -> tuple[int, str]:
    """Run the script of a check alone; gives its exit code and all that it said."""
    done = shell.run(check.script, timeout=60)
    return done.exit_code, (done.stdout + done.stderr).strip()
