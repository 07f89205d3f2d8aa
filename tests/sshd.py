"""A real sshd on a free port of this machine, for this user; and what somebody who logs in to it has at home."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyhomelab.machines.targets import Target
from pyhomelab.model import Ssh

if TYPE_CHECKING:
    from collections.abc import Iterator

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
needs_sshd = pytest.mark.skipif(
    not Path(SSHD).exists() or shutil.which("ssh-keygen") is None, reason="OpenSSH's server or client is missing"
)
USER = getpass.getuser()
_CONFIG = """\
ListenAddress 127.0.0.1:{port}
HostKey {place}/host_key
PidFile none
AuthorizedKeysFile {place}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


def make_key(file: Path, passphrase: str = "", kind: str = "ed25519") -> str:
    """Make a key; gives its public half, without a comment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", file.name, "-f", file], check=True)
    return public(file)


def public(file: Path) -> str:
    """Give the public half of a key, without a comment."""
    return " ".join(file.with_name(f"{file.name}.pub").read_text().split()[:2])


def fingerprint(file: Path) -> str:
    """Give the fingerprint of a key, as ssh-keygen says it."""
    said = subprocess.run(["ssh-keygen", "-lf", file], capture_output=True, text=True, check=True).stdout
    return said.split()[1]


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass
class Sshd:
    """A server: its directory, its port, and the keys that it takes."""

    place: Path
    port: int
    _process: subprocess.Popen[bytes] | None = None

    @property
    def host_key(self) -> str:
        """Its public host key."""
        return public(self.place / "host_key")

    def takes(self, *keys: Path) -> None:
        """Let these keys log in, and no others."""
        (self.place / "authorized_keys").write_text("".join(f"{public(key)}\n" for key in keys))

    def start(self, settings: str = "") -> None:
        """Start it, with lines that go before its configuration: the first word on everything counts."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        config = self.place / "sshd_config"
        config.write_text(settings + _CONFIG.format(port=self.port, place=self.place))
        log = self.place / "log"
        self._process = subprocess.Popen([SSHD, "-D", "-f", config, "-E", log])
        until = time.monotonic() + 10
        while "listening on" not in (log.read_text() if log.exists() else ""):
            assert time.monotonic() < until, log.read_text()
            assert self._process.poll() is None, log.read_text()
            time.sleep(0.01)

    def logins(self) -> int:
        """Say how often somebody logged in."""
        return (self.place / "log").read_text().count("Accepted publickey")

    def stop(self) -> None:
        """Stop it; connections that are open stay."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def target(self, name: str = "dl1", *, host_key: str | None = "", **ssh: object) -> Target:
        """Give it as a machine of a lab, by default with its own key pinned; further words are for `ssh:`."""
        stated = {"user": USER, "port": str(self.port)} | ssh
        file = self.place / "secrets/hosts" / f"{name}.pub"
        key = self.host_key if host_key == "" else host_key
        return Target(name, "127.0.0.1", Ssh.model_validate(stated), key, file, "x86_64-linux", ())


@contextmanager
def running_sshd(place: Path) -> Iterator[Sshd]:
    """Give a server with a host key of its own, not started, which is stopped at the end."""
    make_key(place / "host_key")
    server = Sshd(place, free_port())
    try:
        yield server
    finally:
        server.stop()


class Home:
    """The home of who logs in: keys, ssh_config, and an agent if one is wanted."""

    def __init__(self, place: Path, patch: pytest.MonkeyPatch) -> None:
        self.place, self._patch = place, patch
        self.ssh = place / ".ssh"
        self.ssh.mkdir(parents=True)
        patch.setenv("HOME", str(place))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        # the defaults of ssh are below the home that the password database knows
        self.config("")

    def config(self, text: str) -> None:
        """Write ssh_config; the key ~/.ssh/key is what it names, unless the text names another."""
        (self.ssh / "config").write_text(f"{text}\nHost *\n  IdentityFile ~/.ssh/key\n")

    def key(self, name: str = "key", passphrase: str = "", kind: str = "ed25519") -> Path:
        """Make a key in ~/.ssh."""
        make_key(self.ssh / name, passphrase, kind)
        return self.ssh / name

    @contextmanager
    def agent(self, *keys: Path) -> Iterator[Path]:
        """Run an agent that holds keys; gives its socket, which SSH_AUTH_SOCK names."""
        path = self.place / "agent"
        environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
        agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
        try:
            while subprocess.run(["ssh-add", "-l"], env=environment, capture_output=True, check=False).returncode > 1:
                time.sleep(0.01)  # 1: it answers, and holds nothing
            for key in keys:
                subprocess.run(["ssh-add", "-q", key], env=environment, check=True, capture_output=True)
            self._patch.setenv("SSH_AUTH_SOCK", str(path))
            yield path
        finally:
            agent.terminate()
            agent.wait()
