"""`pyhomelab` run in the lab of the test hosts by somebody who may log in to them."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost


@dataclass(frozen=True)
class Told:
    """How a command ended: its exit code, and the lines of both streams."""

    code: int
    out: list[str]
    err: list[str]

    @property
    def rows(self) -> list[list[str]]:
        """The lines of a table below its heading, taken apart where two spaces or more are."""
        return [
            [word.strip() for word in line.split("  ") if word.strip()] for line in self.out if line.startswith(" ")
        ][2:]

    @property
    def remarks(self) -> list[str]:
        """What stands below the table."""
        return [line for line in self.out if not line.startswith(" ")]


class Admin:
    """Somebody with a key for the test hosts, in the directory of their lab."""

    def __init__(self, directory: Path, home: Path, hosts: dict[str, LabHost]) -> None:
        self.directory, self.home, self.hosts = directory, home, hosts
        (home / ".ssh").mkdir(parents=True)
        self.config("")

    def config(self, text: str) -> None:
        """Write ssh_config; the key of the test hosts is in it."""
        (self.home / ".ssh/config").write_text(f"{text}\nHost *\n  IdentityFile {self.hosts['n1'].key}\n")

    def tells(self, *arguments: str) -> Told:
        """Run the program."""
        out, err, code = StringIO(), StringIO(), None
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.directory)
            patch.setenv("HOME", str(self.home))
            patch.delenv("SSH_AUTH_SOCK", raising=False)
            try:
                main(arguments)
            except SystemExit as end:
                code = end.code
        assert isinstance(code, int)
        return Told(code, out.getvalue().splitlines(), err.getvalue().splitlines())

    def knows(self, command: str, *arguments: str) -> dict[str, Any]:
        """What a command tells of the hosts as JSON."""
        told = self.tells(command, "--json", *arguments)
        hosts: dict[str, Any] = json.loads("\n".join(told.out))["hosts"]
        return hosts

    def pin(self, name: str) -> Path:
        """The file with the pinned key of a host."""
        return self.directory / "hosts/secrets/hosts" / f"{name}.pub"
