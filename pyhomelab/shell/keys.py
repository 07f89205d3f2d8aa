"""The keys that a login is tried with, in the order in which OpenSSH tries them.

First those of the agent that ssh_config names, then the agent's others, then the files. A file with a passphrase is
left to the agent: nobody is asked for it once a host.
"""

from __future__ import annotations

import base64
import binascii
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paramiko import PKey, SSHException
from paramiko.agent import AgentSSH
from paramiko.ssh_exception import AuthenticationException, BadAuthenticationType

from pyhomelab.shell import LoginRefused
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.shell.route import Route

_PUBLIC_WORDS = 2


class _Agent(AgentSSH):  # type: ignore[misc] # paramiko has no types
    """The agent behind a socket; one that does not answer has no keys."""

    def __init__(self, path: str) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            self._connect(connection)
        except (OSError, SSHException):
            connection.close()

    def close(self) -> None:
        """Let go of the agent."""
        self._close()


@dataclass(slots=True)
class Keys:
    """Logs in by one key after the other; paramiko's name for it is a strategy."""

    route: Route
    tried: list[str] = field(default_factory=list)
    locked: list[Path] = field(default_factory=list)

    def authenticate(self, transport: Any) -> list[str]:  # noqa: ANN401 - paramiko has no types
        """Log in; raises LoginRefused, with what was tried, if the host takes none of the keys."""
        agent = _agent(self.route.agent)
        try:
            for name, key in self._keys(agent):
                self.tried.append(name)
                try:
                    wanted: list[str] = transport.auth_publickey(self.route.user, key)
                except BadAuthenticationType as error:
                    raise self._refused(f"takes no keys, only {listed(error.allowed_types, 'or')}") from None
                except AuthenticationException:
                    if not transport.is_active():
                        raise self._gave_up() from None
                    continue
                if wanted:
                    raise self._refused(f"wants {listed(wanted, 'or')} besides a key")
                return wanted
        finally:
            if agent is not None:
                agent.close()
        raise self._none()

    def _keys(self, agent: _Agent | None) -> Iterator[tuple[str, Any]]:
        files = {file: _public_half(file) for file in self.route.identity_files}
        named = [blob for blob in files.values() if blob is not None]
        in_agent = {key.blob: key for key in (agent.get_keys() if agent is not None else ())}
        others = [] if self.route.identities_only else [blob for blob in in_agent if blob not in named]
        for blob in [*(blob for blob in named if blob in in_agent), *others]:
            yield f"{in_agent[blob].comment or in_agent[blob].name} (agent)", in_agent[blob]
        for file, half in files.items():
            if half not in in_agent and (key := self._opened(file)) is not None:
                yield str(file), key

    def _opened(self, file: Path) -> PKey | None:
        try:
            return PKey.from_path(file)
        except TypeError:  # what it raises for want of a passphrase
            self.locked.append(file)
        except (OSError, ValueError, SSHException):
            pass
        return None

    def _gave_up(self) -> LoginRefused:
        hint = "name the right key as IdentityFile in ssh_config, with IdentitiesOnly yes"
        return self._refused(f"hung up after it had been offered {listed(self.tried)}", hint)

    def _none(self) -> LoginRefused:
        if self.locked:
            hint = f"`ssh-add {self.locked[0]}` hands the agent a key that has a passphrase"
        else:
            hint = "hand the agent a key of one of lab.admins: `ssh-add FILE`"
        if not self.tried:
            return self._refused("asks for a key, and there is none: the agent holds none, ~/.ssh neither", hint)
        return self._refused(f"takes none of the keys: {listed(self.tried)}", hint)

    def _refused(self, reason: str, hint: str = "") -> LoginRefused:
        return LoginRefused(f"{self.route} {reason}", where=self.route.name, hint=hint)


def _agent(named: str) -> _Agent | None:
    """Find the agent that IdentityAgent names: a socket, a variable that holds its path, or none."""
    if named == "SSH_AUTH_SOCK" or named.startswith("$"):
        named = os.environ.get(named.strip("${}"), "none")
    return _Agent(str(Path(named).expanduser())) if named not in ("", "none") else None


def _public_half(file: Path) -> bytes | None:
    """Read the public half of a key, from the file beside it or where ssh_config names just that."""
    for public in (file.with_name(f"{file.name}.pub"), file):
        try:
            words = public.read_text(encoding="utf-8").split()
            if len(words) >= _PUBLIC_WORDS and not words[0].startswith("-"):
                return base64.b64decode(words[1], validate=True)
        except (OSError, UnicodeDecodeError, binascii.Error):
            continue
    return None
