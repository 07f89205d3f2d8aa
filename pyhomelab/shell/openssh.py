"""The way to a host, written down for OpenSSH: Nix starts it by itself to copy and to build.

It goes the same way, with the same keys, as the connections that fabric makes, and asks nobody anything.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pyhomelab.shell.route import route_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyhomelab.machines.targets import Target
    from pyhomelab.shell.route import Route


@contextmanager
def ssh_config(target: Target, machines: Mapping[str, Target]) -> Iterator[Path]:
    """Give a file for `ssh -F`, under which the machine is called by its name, for as long as the block lasts.

    Raises Unreachable if there is no way to it.
    """
    route = route_to(target, machines)
    with TemporaryDirectory(prefix="pyhomelab-") as directory:
        pinned = Path(directory) / "known_hosts"
        pinned.write_text("".join(f"{line}\n" for line in _pinned(route)), encoding="utf-8")
        config = Path(directory) / "config"
        config.write_text("".join(f"{line}\n" for line in _blocks(route, pinned)), encoding="utf-8")
        yield config


def _hops(route: Route | None) -> Iterator[Route]:
    while route is not None:
        yield route
        route = route.via


def _pinned(route: Route) -> Iterator[str]:
    for hop in _hops(route):
        if hop.target is not None and hop.target.host_key is not None:
            yield f"{hop.name} {hop.target.host_key}"


def _blocks(route: Route, pinned: Path) -> Iterator[str]:
    for hop in _hops(route):
        yield f"Host {hop.name}"
        yield from (f"  {key} {value}" for key, value in _settings(hop, pinned))


def _settings(hop: Route, pinned: Path) -> Iterator[tuple[str, object]]:
    yield "HostName", hop.hostname
    yield "User", hop.user
    yield "Port", hop.port
    yield from (("IdentityFile", f'"{file}"') for file in hop.identity_files)
    yield "IdentitiesOnly", "yes" if hop.identities_only else "no"
    yield "IdentityAgent", f'"{hop.agent}"'
    yield "HostKeyAlias", hop.name if hop.target is not None else hop.known_as
    known = (pinned,) if hop.target is not None else hop.known_hosts
    yield "UserKnownHostsFile", " ".join(f'"{file}"' for file in known) or "none"
    yield "GlobalKnownHostsFile", "none"
    yield "StrictHostKeyChecking", "yes"
    yield "BatchMode", "yes"
    yield "ConnectTimeout", max(1, int(hop.patience))
    # A network that went away ends the copy, which otherwise waits for ever.
    yield "ServerAliveInterval", 15
    yield "ServerAliveCountMax", 4
    # Nix waits for a sign that the connection is made, which one that is shared never gives.
    yield "ControlMaster", "no"
    yield "ControlPath", "none"
    if hop.via is not None:
        yield "ProxyJump", hop.via.name
    elif hop.proxy_command is not None:
        yield "ProxyCommand", hop.proxy_command.replace("%", "%%")  # its tokens are expanded already
