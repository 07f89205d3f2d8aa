"""Which host key a host must show, and what is said when it shows another.

A machine of the lab must show the key that the lab pins; a host that is only jumped over, one that the user's
known_hosts has. No key is ever learnt by connecting.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from paramiko import HostKeys, MissingHostKeyPolicy, SSHException
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from pyhomelab.shell import SAYS_ITS_KEY, HostKeyRefused
from pyhomelab.shell.route import SSH_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from paramiko import PKey, SSHClient

    from pyhomelab.machines.targets import Target
    from pyhomelab.shell.route import Route


def demand(client: SSHClient, route: Route) -> None:
    """Have a client refuse every host key but those that are known for the route's host."""
    client.set_missing_host_key_policy(_Unknown(route))
    for key in _known(route):
        client.get_host_keys().add(_with_port(route.hostname, route.port), key.get_name(), key)


def _known(route: Route) -> Iterator[PKey]:
    if route.target is not None:
        if route.target.host_key is not None:
            yield _read(route.target.host_key)
        return
    kept = HostKeys()
    for file in route.known_hosts:
        for entry in _entries(file):
            for host in entry.hostnames:
                kept.add(host, entry.key.get_name(), entry.key)
    name = route.known_as if route.known_as != route.hostname else _with_port(route.hostname, route.port)
    yield from (kept.lookup(name) or {}).values()


def _entries(file: Path) -> Iterator[HostKeyEntry]:
    """Read a known_hosts file; lines that are broken or of a kind that paramiko does not know make nothing known."""
    if not file.is_file():
        return
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(SSHException, InvalidHostKey):
            entry = HostKeyEntry.from_line(line) if line.strip() and line[0] not in "#@" else None
            if entry is not None:
                yield entry


def _read(host_key: str) -> PKey:
    return HostKeyEntry.from_line(f"host {host_key}").key


def _with_port(hostname: str, port: int) -> str:
    return hostname if port == SSH_PORT else f"[{hostname}]:{port}"


class _Unknown(MissingHostKeyPolicy):  # type: ignore[misc] # paramiko has no types
    """Refuses a host for which no key is known."""

    def __init__(self, route: Route) -> None:
        self.route = route

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> NoReturn:
        """Refuse the key, saying how to pin it."""
        del client, hostname
        route, said = self.route, _said(key)
        if route.target is None:
            files = " or ".join(str(file) for file in route.known_hosts[:1])
            raise HostKeyRefused(
                f"{route} showed {said}, and no key of it is in {files}",
                key=_public(key),
                shown=key.fingerprint,
                pinned=None,
                where=route.name,
                hint=f"log in once with `ssh {route.name}` and compare",
            )
        raise HostKeyRefused(
            f"its host key is not pinned; {route} showed {said}",
            key=_public(key),
            shown=key.fingerprint,
            pinned=None,
            where=route.name,
            hint=_how_to_pin(route.target, key, "if", "pins it"),
        )


def changed(route: Route, shown: Any, known: Any) -> HostKeyRefused:  # noqa: ANN401 - paramiko has no types
    """Say that a host showed another key than the known one."""
    target = route.target
    if target is None:
        place, hint = "known_hosts", "find out who answers there before anything goes through it"
    else:
        place = str(target.key_file)
        anew = _how_to_pin(target, shown, f"only if {route.name} was installed anew and", "replaces the pinned key")
        hint = f"somebody else may answer there; {anew}"
    return HostKeyRefused(
        f"{route} showed {_said(shown)}, but {place} has {_said(known)}",
        key=_public(shown),
        shown=shown.fingerprint,
        pinned=known.fingerprint,
        where=route.name,
        hint=hint,
    )


def _said(key: Any) -> str:  # noqa: ANN401 - paramiko has no types
    return f"{key.get_name()} {key.fingerprint}"


def _public(key: Any) -> str:  # noqa: ANN401 - paramiko has no types
    return f"{key.get_name()} {key.get_base64()}"


def _how_to_pin(target: Target, key: Any, condition: str, effect: str) -> str:  # noqa: ANN401 - paramiko has no types
    if key.get_name() != "ssh-ed25519":
        return f"give {target.name} an ssh-ed25519 host key: `ssh-keygen -A` as root at its console"
    file, directory = shlex.quote(str(target.key_file)), shlex.quote(str(target.key_file.parent))
    make = "" if target.key_file.parent.is_dir() else f"mkdir -p {directory} && "
    # the key that was shown, not one that ssh-keyscan may be shown later by somebody else
    pin = f"`{make}echo '{_public(key)}' > {file}`"
    return f"{condition} {SAYS_ITS_KEY} says the same at its console, {pin} {effect}"
