"""The machines of a lab as hosts to open shells on, from several threads at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from pyhomelab.errors import HostFailed
from pyhomelab.shell import Unreachable
from pyhomelab.shell.route import route_to
from pyhomelab.shell.session import SshShell
from pyhomelab.shell.ssh import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyhomelab.machines.targets import Target
    from pyhomelab.shell.route import Route
    from pyhomelab.shell.ssh import Line

Made = TypeVar("Made")


class Network:
    """The machines of a lab; a host that several are reached over is logged in to once.

    `password` asks a person for the password of sudo, and gives None if there is nobody to ask. It is called once for
    all hosts, if at all.
    """

    def __init__(self, machines: Mapping[str, Target], password: Callable[[], str | None] = lambda: None) -> None:
        self._machines = machines
        self._password = _Once(password)
        self._gateways: dict[Route, _Once[Line]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for gateway in self._gateways.values():
                for line in gateway.made:
                    line.close()

    def open(self, target: Target, *, as_root: bool = False) -> SshShell:
        """Log in to a machine; raises a HostFailed of `pyhomelab.shell` if that cannot be."""
        route = route_to(target, self._machines)
        shell = SshShell(target.name, route.user, self._connected(route))
        try:
            if as_root:
                shell.become_root(self._password.get)
        except HostFailed:
            shell.close()
            raise
        return shell

    def _connected(self, route: Route) -> Line:
        gateway = self._gateway(route.via, route.name) if route.via is not None else None
        return connect(route, gateway)

    def _gateway(self, route: Route, meant: str) -> Line:
        with self._lock:
            gateway = self._gateways.setdefault(route, _Once(lambda: self._connected(route)))
        try:
            return gateway.get()
        except HostFailed as error:
            raise Unreachable(f"the way leads over {error.where}: {error.what}", where=meant, hint=error.hint) from None


class _Once(Generic[Made]):
    """Something that is made for the first who wants it; who comes meanwhile waits. If it fails, it fails for all.

    `made` holds it as soon as there is one.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._failure: HostFailed | None = None
        self.made: list[Made] = []

    def get(self) -> Made:
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if not self.made:
                try:
                    self.made.append(self._make())
                except HostFailed as error:
                    self._failure = error
                    raise
            return self.made[0]
