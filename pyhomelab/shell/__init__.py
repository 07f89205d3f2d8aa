"""A shell on a host, and the ways in which there is none.

    HostFailed
    ├── Unreachable        nothing answers at its address, or the connection broke off
    ├── HostKeyRefused     what answers has not shown the key that is pinned for the host
    ├── LoginRefused       the host takes none of the keys
    └── NoRoot             the user may not become root there

Each is about one host, whatever the others do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pyhomelab.errors import HostFailed


@dataclass(frozen=True, slots=True)
class Done:
    """A script that ended on a host: its exit code and what it printed, as the host said it."""

    exit_code: int
    stdout: str
    stderr: str


class Shell(Protocol):
    """A shell on a host, as the user who logged in or as root."""

    def run(self, script: str, *, timeout: float) -> Done:
        """Run a script of POSIX sh; raises Unreachable if its end is not heard within `timeout` seconds."""

    def close(self) -> None:
        """Let go of the host."""


class Unreachable(HostFailed):
    """Nothing answers at the host's address, or the connection broke off."""

    kind = "unreachable"


SAYS_ITS_KEY = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`"
"""What tells at a machine's console which host key is its own."""


class HostKeyRefused(HostFailed):
    """What answered did not show the host key that is pinned; nothing was said to it.

    `shown` and `pinned` are fingerprints, `key` is the key that was shown, as in a file with a public key.
    """

    kind = "key refused"

    def __init__(self, what: str, *, key: str, shown: str, pinned: str | None, where: str, hint: str) -> None:  # noqa: PLR0913 - all have names at the call
        super().__init__(what, where=where, hint=hint)
        self.key, self.shown, self.pinned = key, shown, pinned


class LoginRefused(HostFailed):
    """The host takes none of the keys that there are."""

    kind = "login refused"


class NoRoot(HostFailed):
    """The user who logged in may not become root there."""

    kind = "no root"
