"""Connections by fabric: the one place that has it.

What fabric would read by itself (ssh_config, files of its own) it is not given: `route` has asked OpenSSH, and
`hostkeys` decides whom to talk to.
"""

from __future__ import annotations

import logging
import random
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fabric import Config, Connection
from paramiko import SSHException
from paramiko.config import SSHConfig
from paramiko.ssh_exception import BadHostKeyException, ChannelException, IncompatiblePeer, NoValidConnectionsError

from pyhomelab.process import Relay
from pyhomelab.shell import Unreachable
from pyhomelab.shell.hostkeys import changed, demand
from pyhomelab.shell.keys import Keys
from pyhomelab.text.wording import counted, harmless

if TYPE_CHECKING:
    from pyhomelab.shell.route import Route

_ATTEMPTS = 3
_FIRST_WAIT = 0.5
_LOGIN_PATIENCE = 60  # a key may have to be touched, or released in the agent
_KEEPALIVE = 15
_PROHIBITED = 1  # RFC 4254: administratively prohibited

# It tells of every broken connection by itself, with a traceback.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Line:
    """A connection to a host, with the program that carries it if there is one."""

    connection: Connection
    relay: Relay | None

    def create_session(self) -> Any:  # noqa: ANN401 - paramiko has no types
        """Open a channel for one command."""
        return self.connection.create_session()

    def close(self) -> str:
        """Hang up; gives the last thing that the program said."""
        self.connection.client.close()
        return self.relay.close() if self.relay is not None else ""


def connect(route: Route, gateway: Line | None) -> Line:
    """Log in to a host, over the open line to another if it is behind one; raises a HostFailed of `pyhomelab.shell`.

    Only a connection that fails is tried again, after a while, unless it was waited for in vain long enough.
    """
    began, wait = time.monotonic(), _FIRST_WAIT
    for attempt in range(1, _ATTEMPTS + 1):
        line = _line(route, gateway)
        try:
            line.connection.open()
        except BadHostKeyException as error:
            line.close()
            raise changed(route, error.key, error.expected_key) from None
        except (OSError, SSHException, EOFError) as error:
            said = line.close()
            is_late = time.monotonic() - began + wait > route.patience
            if attempt == _ATTEMPTS or is_late or _is_final(error):
                raise _unreachable(route, error, said, attempt) from None
        except BaseException:
            line.close()
            raise
        else:
            line.connection.transport.set_keepalive(_KEEPALIVE)
            return line
        time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311 - so that many do not come back at once
        wait *= 2
    raise AssertionError("the last attempt returns or raises")


def _line(route: Route, gateway: Line | None) -> Line:
    relay = Relay(route.proxy_command) if route.proxy_command is not None else None
    connection = Connection(
        route.hostname,
        user=route.user,
        port=route.port,
        config=Config(ssh_config=SSHConfig(), lazy=True),
        gateway=gateway.connection if gateway is not None else False,
        connect_timeout=max(1, int(route.patience)),
        connect_kwargs={
            "auth_strategy": Keys(route),
            "banner_timeout": route.patience,
            "auth_timeout": _LOGIN_PATIENCE,
            "channel_timeout": route.patience,
            **({"sock": relay.socket} if relay is not None else {}),
        },
    )
    demand(connection.client, route)
    return Line(connection, relay)


def _is_final(error: Exception) -> bool:
    """Say whether trying again is no use: nobody knows the name, or the other side will not have it."""
    if isinstance(error, socket.gaierror):
        return error.errno != socket.EAI_AGAIN
    if isinstance(error, ChannelException):
        return bool(error.code == _PROHIBITED)
    return isinstance(error, IncompatiblePeer)


def _unreachable(route: Route, error: Exception, said: str, attempts: int) -> Unreachable:
    if isinstance(error, socket.gaierror):
        hint = f"give {route.name} an `ssh: {{address: …}}` in the inventory, or a HostName in ssh_config"
    else:
        hint = "see that it is switched on, and that its address is right"
    reason = f"ProxyCommand said: {harmless(said)}" if said else _reason(route, error)
    tried = f" ({counted(attempts, 'attempt')})" if attempts > 1 else ""
    return Unreachable(f"{route} cannot be reached: {reason}{tried}", where=route.name, hint=hint)


def _reason(route: Route, error: Exception) -> str:
    if isinstance(error, NoValidConnectionsError):
        error = next(iter(error.errors.values()))
    if isinstance(error, TimeoutError):
        return f"no answer within {route.patience:g} s"
    if isinstance(error, ChannelException) and route.via is not None:
        return f"{route.via.name} {'forwards no' if error.code == _PROHIBITED else 'got no'} connection to it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    if isinstance(error, IncompatiblePeer):
        return harmless(str(error))
    return "what answers there speaks no ssh, or hung up"
