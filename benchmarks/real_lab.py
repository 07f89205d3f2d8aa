"""A lab of test hosts that run what they should, and how long programs take with it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.lab.hosts import LabHost, lab
from tests.lab.systems import NIX_CONFIG, make_default, make_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

ROUNDS = 5
_AT_ONCE = 4


@dataclass(frozen=True)
class RealLab:
    """Hosts, and the directory of their lab."""

    directory: Path
    home: Path
    hosts: dict[str, LabHost]

    def pyhomelab(self, *arguments: str) -> str:
        """Run the program; gives what it printed."""
        return self.run([sys.executable, "-m", "pyhomelab", *arguments])

    def run(self, argv: Sequence[str], **variables: str) -> str:
        """Run any program as somebody who may log in to the hosts."""
        settings = {"HOME": str(self.home), "PYTHONPATH": str(ROOT), "NIX_CONFIG": NIX_CONFIG, **variables}
        environment = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"} | settings
        done = subprocess.run(argv, cwd=self.directory, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def built(self, names: Iterable[str]) -> list[str]:
        """Build machines with one bare `nix build`; gives their systems."""
        machines = f"path:{self.directory}#nixosConfigurations"
        attributes = [f"{machines}.{name}.config.system.build.toplevel" for name in names]
        return self.run(["nix", "build", "--no-link", "--print-out-paths", *attributes]).split()

    def on_each(self, names: Sequence[str], do: Callable[[LabHost], object]) -> None:
        """Do something with hosts, all at the same time."""
        with ThreadPoolExecutor(len(names)) as threads:
            list(threads.map(do, [self.hosts[name] for name in names]))


@contextmanager
def real_lab(count: int) -> Iterator[RealLab]:
    """So many hosts, fresh from their installation."""
    names = [f"m{number:02}" for number in range(count)]
    with lab(names) as hosts, tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        (home / ".ssh").mkdir(parents=True)
        (home / ".ssh/config").write_text(f"IdentityFile {hosts[names[0]].key}\n")
        made = RealLab(make_lab(Path(place) / "lab", hosts.values()), home, hosts)
        systems = dict(zip(names, made.built(names), strict=True))

        def install(name: str) -> None:
            make_default(hosts[name], systems[name])
            hosts[name].reboot()

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(install, names))
        yield made


def seconds(do: Callable[[], object]) -> float:
    """How long something takes."""
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def row(what: str, bare: Callable[[], object], ours: Callable[[], object]) -> tuple[str, str, str, str]:
    """A line of a table: what, how long the bare parts take, how long the program, and what it adds.

    Both are run in turns, so that whatever else the machine does slows down both; medians count.
    """
    rounds = [(seconds(bare), seconds(ours)) for _ in range(ROUNDS)]
    without, with_it = (statistics.median(times) for times in zip(*rounds, strict=True))
    more = with_it - without
    return what, f"{without:.2f} s", f"{with_it:.2f} s", f"{more:+.2f} s ({more / without:+.0%})"
