"""`pyhomelab deploy` as a process of its own, at a terminal: it can be asked, stopped for a while, and killed."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.lab.systems import NIX_CONFIG
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ACTIVATION, PROBATION, LONG = 90, 8, 60
PATIENCE = 150.0


class TookTooLong(Exception):
    """Something did not come to pass; the message has what the program said."""


@dataclass(frozen=True)
class Said:
    """How a deploy ended: its exit code, what it said of each machine, and the lines on stderr."""

    code: int
    became: dict[str, str]
    why: dict[str, str]
    err: str


class Deployer:
    """Somebody who deploys machines of the lab in a directory."""

    def __init__(self, directory: Path, names: Iterable[str], key: Path, **limits: int) -> None:
        """Begin to deploy; `agree` answers the question whether to change anything."""
        self.directory = directory
        home = directory / "home"
        (home / ".ssh").mkdir(parents=True, exist_ok=True)
        (home / ".ssh/config").write_text(f"IdentityFile {key}\nConnectTimeout 5\n")
        self._out, self._err = (directory / f"{time.monotonic_ns()}.{name}" for name in ("out", "err"))
        self._terminal, theirs = pty.openpty()
        self._holds = 0
        chosen = [word for name in names for word in ("--host", name)]
        activation, probation = limits.get("activation", ACTIVATION), limits.get("probation", PROBATION)
        options = ["--activation-limit", f"{activation}s", "--probation", f"{probation}s"]
        environment = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pyhomelab", "deploy", "--json", *options, *chosen],
                cwd=directory,
                env={**environment, "HOME": str(home), "PYTHONPATH": str(ROOT), "NIX_CONFIG": NIX_CONFIG},
                stdin=theirs,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.has_ended():
            self._signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._terminal)

    @property
    def err(self) -> str:
        """What it said on stderr up to now."""
        return self._err.read_text()

    def asked(self) -> bool:
        """Whether it asks for leave to change machines."""
        return "[y/N]" in self.err

    def agree(self) -> None:
        """Give it leave when it asks; it may have ended before."""
        until = time.monotonic() + PATIENCE
        while not self.asked() and not self.has_ended():
            if time.monotonic() > until:
                raise TookTooLong(self.err)
            time.sleep(0.05)
        os.write(self._terminal, b"y\n")

    def hold(self) -> None:
        """Stop it and what it started, as a machine does that falls asleep; it must be let go as often."""
        self._holds += 1
        self._signal(signal.SIGSTOP)

    def let_go(self) -> None:
        """Let it go on."""
        self._holds -= 1
        if self._holds == 0:
            self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once; what it started is left to itself."""
        self.process.kill()

    def has_ended(self) -> bool:
        """Whether it is over."""
        return self.process.poll() is not None

    def end(self) -> Said:
        """Wait for its end."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise TookTooLong(self.err) from None
        text = self._out.read_text().strip()
        hosts = json.loads(text)["hosts"] if text else {}
        became = {name: host["state"] for name, host in hosts.items()}
        return Said(code, became, {name: host["why"] for name, host in hosts.items()}, self.err)

    def _signal(self, number: signal.Signals) -> None:
        for pid in family(self.process.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


def family(pid: int) -> list[int]:
    """A process, and all that it and they have started."""
    done = subprocess.run(["pgrep", "--parent", str(pid)], capture_output=True, text=True, check=False)
    return [pid, *(one for child in done.stdout.split() for one in family(int(child)))]
