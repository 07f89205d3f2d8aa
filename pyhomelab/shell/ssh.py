"""Connections to the machines of a lab, by fabric: the one place that has it.

What fabric would read by itself (ssh_config, its own files) it is not given: `route` has asked OpenSSH, and
`hostkeys` decides whom to talk to.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Self

from fabric import Config, Connection
from paramiko import SSHException
from paramiko.config import SSHConfig
from paramiko.ssh_exception import BadHostKeyException, ChannelException, IncompatiblePeer, NoValidConnectionsError

from pyhomelab.errors import HostFailed
from pyhomelab.shell import Unreachable
from pyhomelab.shell.hostkeys import changed, demand
from pyhomelab.shell.keys import Keys
from pyhomelab.shell.route import route_to
from pyhomelab.shell.session import SshShell
from pyhomelab.wording import counted, harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyhomelab.shell.route import Route
    from pyhomelab.targets import Target

_ATTEMPTS = 3
_FIRST_WAIT = 0.5
_LOGIN_PATIENCE = 60  # a key may have to be touched, or released in the agent
_KEEPALIVE = 15

# It tells of every broken connection by itself, with a traceback.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class Network:
    """The machines of a lab, to open shells on from several threads.

    A host that several are reached over is logged in to once. `password` asks a person for the password of sudo, and
    is called once for all hosts, if at all.
    """

    def __init__(self, machines: Mapping[str, Target], password: Callable[[], str | None] = lambda: None) -> None:
        self._machines, self._ask = machines, password
        self._lock = threading.Lock()
        self._gateways: dict[Route, Future[Connection]] = {}
        self._password: Future[str | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for gateway in self._gateways.values():
            if gateway.done() and gateway.exception() is None:
                gateway.result().close()

    def open(self, target: Target, *, as_root: bool = False) -> SshShell:
        """Log in to a machine; raises a HostFailed of `pyhomelab.shell` if that cannot be."""
        route = route_to(target, self._machines)
        shell = SshShell(target.name, route.user, self._connected(route))
        try:
            if as_root:
                shell.become_root(self._password_once)
        except HostFailed:
            shell.close()
            raise
        return shell

    def _password_once(self) -> str | None:
        with self._lock:
            if self._password is None:
                self._password = Future()
                self._password.set_result(self._ask())
        return self._password.result()

    def _connected(self, route: Route) -> Connection:
        gateway = self._gateway(route.via, route.name) if route.via is not None else None
        return _patiently(route, gateway)

    def _gateway(self, route: Route, meant: str) -> Connection:
        """Log in to a host on the way, or wait for who does so already; what failed once fails for all."""
        with self._lock:
            is_first = route not in self._gateways
            future = self._gateways.setdefault(route, Future())
        if is_first:
            try:
                future.set_result(self._connected(route))
            except HostFailed as error:
                future.set_exception(error)
            except BaseException as error:
                future.set_exception(error)
                raise
        try:
            return future.result()
        except HostFailed as error:
            raise Unreachable(f"the way leads over {error.where}: {error.what}", where=meant, hint=error.hint) from None


def _patiently(route: Route, gateway: Connection | None) -> Connection:
    """Connect, again if the connection fails and was not waited for in vain already."""
    began, wait = time.monotonic(), _FIRST_WAIT
    for attempt in range(1, _ATTEMPTS + 1):
        connection = _connection(route, gateway)
        try:
            connection.open()
        except BadHostKeyException as error:
            connection.client.close()
            raise changed(route, error.key, error.expected_key) from None
        except (OSError, SSHException, EOFError) as error:
            connection.client.close()
            is_over = time.monotonic() - began + wait > route.patience or isinstance(error, IncompatiblePeer)
            if attempt == _ATTEMPTS or is_over or _is_final(error):
                raise _unreachable(route, error, attempt) from None
        except BaseException:
            connection.client.close()
            raise
        else:
            connection.transport.set_keepalive(_KEEPALIVE)
            return connection
        time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311 - so that many do not come back at once
        wait *= 2
    raise AssertionError  # the last attempt returns or raises


def _connection(route: Route, gateway: Connection | None) -> Connection:
    connection = Connection(
        route.hostname,
        user=route.user,
        port=route.port,
        config=Config(ssh_config=SSHConfig(), lazy=True),
        gateway=gateway or route.proxy_command or False,
        connect_timeout=max(1, int(route.patience)),
        connect_kwargs={
            "auth_strategy": Keys(route),
            "banner_timeout": route.patience,
            "auth_timeout": _LOGIN_PATIENCE,
            "channel_timeout": route.patience,
        },
    )
    demand(connection.client, route)
    return connection


def _is_final(error: Exception) -> bool:
    """Say whether trying again is no use: nobody knows the name, or there is no such program."""
    return isinstance(error, FileNotFoundError | PermissionError) or (
        isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN
    )


def _unreachable(route: Route, error: Exception, attempts: int) -> Unreachable:
    tried = f" ({counted(attempts, 'attempt')})" if attempts > 1 else ""
    return Unreachable(
        f"{route} cannot be reached: {_reason(route, error)}{tried}",
        where=route.name,
        hint=_hint(route, error),
    )


def _reason(route: Route, error: Exception) -> str:
    if isinstance(error, NoValidConnectionsError):
        error = next(iter(error.errors.values()))
    if isinstance(error, TimeoutError):
        return f"no answer within {route.patience:g} s"
    if isinstance(error, ChannelException):
        return f"from {route.via.name if route.via else 'there'} it is {harmless(error.text).lower() or 'refused'}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return harmless(str(error)).partition("\n")[0] or "the other side hung up"


def _hint(route: Route, error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return f"give {route.name} an `ssh: {{address: …}}` in the inventory, or a HostName in ssh_config"
    return "see that it is switched on, and that its address is right"
