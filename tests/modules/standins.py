"""Scripts that would change disks, run for real among programs that only write down how they were called."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """How a script ended, what it said and which programs it called with which words."""

    status: int
    said: str
    calls: list[list[str]]

    def called(self, *words: str) -> list[list[str]]:
        """The calls that begin with `words`."""
        return [call for call in self.calls if call[: len(words)] == list(words)]


def run(
    script: str,
    directory: Path,
    standins: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    arguments: tuple[str, ...] = (),
) -> Outcome:
    """Run a bash `script` where `standins`, names with what they do in bash, replace those programs."""
    programs, log = directory / "bin", directory / "calls"
    programs.mkdir(exist_ok=True)
    log.write_text("")
    for name, body in standins.items():
        program = programs / name
        program.write_text(f"#!/bin/bash\n{{ printf '%q ' {name} \"$@\"; echo; }} >>{log}\n{body}\n")
        program.chmod(0o755)
    file = directory / "script"
    file.write_text(script)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", str(file), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        cwd=directory,
        env={"PATH": f"{programs}:{os.environ['PATH']}:/usr/sbin:/sbin", **(environment or {})},
    )
    return Outcome(done.returncode, done.stdout, [shlex.split(line) for line in log.read_text().splitlines()])


# What disko's scripts call, on disks that are blank: blkid knows nothing, no pool or dataset is there yet.
BLANK_DISKS = {
    "blkid": "exit 2",
    "mkfs.ext4": "",
    "mkfs.vfat": "",
    "mkswap": "",
    "partprobe": "",
    "sgdisk": "",
    "udevadm": "",
    "zfs": '[ "$1" != get ] || exit 1',
    "zpool": '[ "$1" = create ] || exit 1',
}
