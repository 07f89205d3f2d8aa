"""Scripts on a host, over a connection that is open: as the user who logged in, or as root by sudo."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paramiko import SSHException

from pyhomelab.shell import Done, NoRoot, Unreachable
from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyhomelab.shell.ssh import Line

_MOST = 4 << 20
_PROBE = 30
# Whatever the login shell is, it understands this much; the script itself goes over stdin, where nothing quotes it.
_SH = "/bin/sh -s"
_SUDO = "env LC_ALL=C sudo"


@dataclass(slots=True)
class SshShell:
    """A shell on a host, over a line that is open; `before` goes to stdin ahead of every script."""

    name: str
    user: str
    line: Line
    command: str = _SH
    before: str = ""

    def run(self, script: str, *, timeout: float) -> Done:
        """Run a script of POSIX sh; raises Unreachable if its end is not heard within `timeout` seconds."""
        return self._heard(self.command, self.before + script, timeout)

    def close(self) -> None:
        """Let go of the host."""
        self.line.close()

    def become_root(self, password: Callable[[], str | None]) -> None:
        """Run all further scripts as root; asks for the password of sudo only if sudo wants one.

        Raises NoRoot, with the reason, if that cannot be.
        """
        if self.user == "root":
            return
        done = self._heard(f"{_SUDO} -n true", "", _PROBE)
        if done.exit_code == 0:
            self.command = f"{_SUDO} -n {_SH}"
        elif done.exit_code in (126, 127):
            raise self._no_root("there is no sudo that it may start")
        else:
            self._become_root_by(password())

    def _become_root_by(self, password: str | None) -> None:
        if password is None:
            raise self._no_root("sudo wants a password, and there is no terminal to ask for it")
        # -k: the password is asked for even where one was given a minute ago, so that it never reaches the script
        by_password = f"{_SUDO} -k -S -p ''"
        done = self._heard(f"{by_password} true", f"{password}\n", _PROBE)
        if done.exit_code != 0:
            said = [line for line in harmless(done.stderr).splitlines() if line.strip()]
            reason = said[-1].removeprefix("sudo: ").rstrip(".") if said else f"sudo ended with {done.exit_code}"
            raise self._no_root(reason)
        self.command, self.before = f"{by_password} {_SH}", f"{password}\n"

    def _no_root(self, reason: str) -> NoRoot:
        return NoRoot(
            f"{self.user} may not become root: {reason}",
            where=self.name,
            hint="log in as root, or as somebody whom sudo lets run everything",
        )

    def _heard(self, command: str, stdin: str, timeout: float) -> Done:
        deadline = time.monotonic() + timeout
        channel = None
        try:
            channel = self.line.create_session()
            channel.settimeout(timeout)
            channel.exec_command(command)
            # a shell that ends before it has read everything is no failure of the connection
            with suppress(OSError):
                channel.sendall(stdin.encode())
                channel.shutdown_write()
            stdout = self._all(channel, channel.recv, deadline)
            stderr = self._all(channel, channel.recv_stderr, deadline)
            exit_code = _exit_code(channel, deadline)
        except TimeoutError:
            raise Unreachable(f"gave no answer within {timeout:g} s", where=self.name) from None
        except (OSError, SSHException, EOFError) as error:
            reason = harmless(str(error)) or "the other side closed it"
            raise Unreachable(f"the connection broke off: {reason}", where=self.name) from None
        finally:
            if channel is not None:
                channel.close()
        if exit_code < 0:
            raise Unreachable("the connection broke off before the answer was complete", where=self.name)
        return Done(exit_code, stdout, stderr)

    def _all(self, channel: Any, receive: Callable[[int], bytes], deadline: float) -> str:  # noqa: ANN401 - paramiko has no types
        parts: list[bytes] = []
        size = 0
        while True:
            channel.settimeout(max(0.001, deadline - time.monotonic()))
            part = receive(1 << 16)
            size += len(part)
            if not part:
                return b"".join(parts).decode(errors="replace")
            if size > _MOST:
                raise Unreachable(f"said more than {_MOST >> 20} MiB, which is no answer", where=self.name)
            parts.append(part)


def _exit_code(channel: Any, deadline: float) -> int:  # noqa: ANN401 - paramiko has no types
    if not channel.status_event.wait(max(0, deadline - time.monotonic())):
        raise TimeoutError
    code: int = channel.exit_status
    return code
