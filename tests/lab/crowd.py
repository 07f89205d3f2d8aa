"""Hosts on which deploys are disturbed, several at a time: a machine, and a canary before it where one is needed."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING

from tests.lab import moments, strikes
from tests.lab.deployer import LONG, PROBATION, Deployer
from tests.lab.faults import FIRST, SYSTEMS, Becomes, Cell, cells
from tests.lab.fixtures import INSTALLED
from tests.lab.hosts import LabHost, lab
from tests.lab.systems import build_with, make_default, make_lab

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.lab.deployer import Said

_NAMES = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8")
_RUNS = "readlink /run/current-system; readlink /boot/default"
_SHORT = 6
_NOTHING = "nothing"


@dataclass(frozen=True)
class Seen:
    """What became of a machine and why, how long that took from the fault on, and what the next deploy said of it."""

    becomes: Becomes
    why: str
    seconds: float
    again: tuple[str, int]
    err: str


@dataclass
class Crowd:
    """Hosts that are free and a lab of them; `old` is what each runs first, `new` one that can be held."""

    made: Path
    free: list[LabHost]
    old: dict[str, str]
    new: dict[str, str]
    threads: ThreadPoolExecutor
    seen: dict[Cell | str, Future[Seen]] = field(default_factory=dict)
    _given_back: Condition = field(default_factory=Condition)

    def begin(self, whats: Iterable[Cell | str]) -> None:
        """Try each fault, or system by its name, as soon as a host is free; what was begun is not tried again."""
        for what in whats:
            if what not in self.seen:
                self.seen[what] = self.threads.submit(self._try, what)

    def _try(self, what: Cell | str) -> Seen:
        directory = shutil.copytree(self.made, self.made.with_name(str(what).replace(" ", "-").replace("/", "")))
        with ExitStack() as stack:
            if isinstance(what, Cell):
                hosts = stack.enter_context(self._hosts(2 if moments.HOW[what.moment].needs_canary else 1))
                return self._struck(what, hosts, directory, stack)
            (host,) = stack.enter_context(self._hosts(1))
            return self._tried(what, host, directory, stack)

    @contextmanager
    def _hosts(self, number: int) -> Iterator[list[LabHost]]:
        """Hosts that nobody else uses, as they were installed, by their names."""
        with self._given_back:
            self._given_back.wait_for(lambda: len(self.free) >= number)
            hosts = sorted((self.free.pop() for _ in range(number)), key=lambda host: host.name)
        try:
            for host in hosts:
                host.restore_network()
                host.put_back(INSTALLED)
            for host in hosts:
                host.reachable()
            yield hosts
        finally:
            with self._given_back:
                self.free.extend(hosts)
                self._given_back.notify_all()

    def _struck(self, cell: Cell, hosts: list[LabHost], directory: Path, stack: ExitStack) -> Seen:
        moment, strike = moments.HOW[cell.moment], strikes.STRIKES[cell.fault]
        canary, host = hosts[0], hosts[-1]
        if strike.fills_journal:
            stack.enter_context(strikes.small_journal(directory))
        if moment.needs_canary:
            moments.hold(canary, "activation")
        moments.hold(host, *moment.holds)
        # Who is to be confirmed has time enough for it, however busy this machine is.
        probation = PROBATION if cells()[cell].system == "old" else LONG
        names = [one.name for one in hosts]
        deployer = stack.enter_context(Deployer(directory, names, host.key, probation=probation))
        deploy = moments.Deploy(host, canary, deployer, directory)
        moment.arrive(deploy)
        strike.strike(deploy)
        began = time.monotonic()
        moment.leave(deploy)
        strike.heal(deploy)
        said = deployer.end()
        host.reachable()
        system, seconds = _system(host, self.old[host.name], self.new[host.name]), time.monotonic() - began
        strike.mend(deploy)
        return _seen(host, system, said, seconds, _again(said, directory, host, stack))

    def _tried(self, name: str, host: LabHost, directory: Path, stack: ExitStack) -> Seen:
        new = build_with(directory, host.name, SYSTEMS[name].settings)
        began = time.monotonic()
        said = _deployed(directory, host, stack, activation=_SHORT)
        system, seconds = _system(host, self.old[host.name], new), time.monotonic() - began
        build_with(directory, host.name, FIRST + moments.HELD)
        return _seen(host, system, said, seconds, _again(said, directory, host, stack))


def _system(host: LabHost, old: str, new: str) -> str:
    """What a host runs and boots, by the name that it has in the table."""
    names = {old: "old", new: "new"}
    runs, boots = (names.get(path, path) for path in host.said(_RUNS).split())
    return runs if runs == boots else f"{runs}, boots {boots}"


def _deployed(directory: Path, host: LabHost, stack: ExitStack, **limits: int) -> Said:
    deployer = stack.enter_context(Deployer(directory, [host.name], host.key, **limits))
    deployer.agree()
    return deployer.end()


def _again(said: Said, directory: Path, host: LabHost, stack: ExitStack) -> Said:
    """Deploy a good system to a host, unless that was done already."""
    return said if said.code == 0 else _deployed(directory, host, stack, probation=LONG)


def _seen(host: LabHost, system: str, said: Said, seconds: float, again: Said) -> Seen:
    return Seen(
        Becomes(system, said.became.get(host.name, _NOTHING), said.code),
        said.why.get(host.name, ""),
        seconds,
        (again.became.get(host.name, _NOTHING), again.code),
        f"{said.err}\n-- again --\n{again.err}",
    )


@contextmanager
def crowd(place: Path) -> Iterator[Crowd]:
    """Hosts that are installed and saved, and a lab that wants another system on each."""
    with lab(_NAMES) as hosts, ThreadPoolExecutor(len(_NAMES)) as threads:
        made = make_lab(place / "made", hosts.values())
        old = {name: build_with(made, name, FIRST) for name in _NAMES}

        def install(name: str) -> None:
            make_default(hosts[name], old[name])
            hosts[name].save(INSTALLED)

        list(threads.map(install, _NAMES))
        new = {name: build_with(made, name, FIRST + moments.HELD) for name in _NAMES}
        try:
            yield Crowd(made, list(hosts.values()), old, new, threads)
        finally:
            threads.shutdown(cancel_futures=True)
