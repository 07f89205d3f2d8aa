"""How ssh reaches a machine: what the inventory states, then what the user's ssh_config says, then what follows.

OpenSSH itself is asked (`ssh -G`), so that Include, Match and every token mean what they mean to `ssh MACHINE`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.process import run
from pyhomelab.shell import Unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.machines.targets import Target

SSH_PORT = 22
_SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
_PATIENCE = 10
_MOST_JUMPS = 8
_HOP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:/]+))(?::(?P<port>\d+))?/?")


@dataclass(frozen=True, slots=True)
class Route:
    """How to reach a machine, or a host on the way to it, which is then no `target` but known to the user's ssh."""

    name: str
    target: Target | None
    hostname: str
    user: str
    port: int
    identity_files: tuple[Path, ...]
    identities_only: bool
    agent: str
    known_hosts: tuple[Path, ...]
    known_as: str
    patience: float
    proxy_command: str | None
    via: Route | None

    def __str__(self) -> str:
        if self.port == SSH_PORT:
            return f"{self.user}@{self.hostname}"
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{self.user}@{host}:{self.port}"


def route_to(target: Target, machines: Mapping[str, Target]) -> Route:
    """Find the way to a machine of the lab; raises Unreachable if the hosts to jump over go round in circles."""
    return _Finder(target.name, machines).to_machine(target, ())


@dataclass(frozen=True, slots=True)
class _Finder:
    meant: str
    machines: Mapping[str, Target]

    def to_machine(self, target: Target, on_the_way: tuple[str, ...], stated: Mapping[str, str] | None = None) -> Route:
        ssh = target.ssh
        first = {"HostName": ssh.address, "User": ssh.user, "Port": ssh.port, "ProxyJump": ssh.jump}
        last = {"HostName": target.address, "User": "root"}
        found = _asked(target.name, {**first, **(stated or {})}, last)
        return self._route(target.name, target, found, on_the_way)

    def to_hop(self, hop: str, on_the_way: tuple[str, ...], stated: Mapping[str, str]) -> Route:
        match = _HOP.fullmatch(hop)
        if match is None:
            raise Unreachable(f"ProxyJump names {hop!r}, which is not user@host:port", where=self.meant)
        host = match["v6"] or match["host"]
        own = {"User": match["user"], "Port": match["port"], **stated}
        if host in self.machines:
            return self.to_machine(self.machines[host], on_the_way, {key: value for key, value in own.items() if value})
        return self._route(host, None, _asked(host, own, {}), on_the_way)

    def _route(
        self, name: str, target: Target | None, found: Mapping[str, list[str]], on_the_way: tuple[str, ...]
    ) -> Route:
        def one(key: str) -> str | None:
            value = found.get(key, ["none"])[0]
            return None if value == "none" else value

        hostname, user, port = one("hostname") or name, one("user") or "root", int(one("port") or SSH_PORT)
        tokens = {"%h": hostname, "%n": name, "%p": str(port), "%r": user, "%%": "%"}
        relay = one("proxycommand")
        return Route(
            name=name,
            target=target,
            hostname=hostname,
            user=user,
            port=port,
            identity_files=tuple(Path(file).expanduser() for file in found.get("identityfile", [])),
            identities_only=one("identitiesonly") == "yes",
            agent=found.get("identityagent", ["SSH_AUTH_SOCK"])[0],
            known_hosts=_files(one("userknownhostsfile")) + _files(one("globalknownhostsfile")),
            known_as=one("hostkeyalias") or hostname,
            patience=float(one("connecttimeout") or _PATIENCE),
            proxy_command=re.sub("%.", lambda token: tokens.get(token[0], token[0]), relay) if relay else None,
            via=self._via(one("proxyjump"), (*on_the_way, name)),
        )

    def _via(self, jumps: str | None, on_the_way: tuple[str, ...]) -> Route | None:
        if jumps is None:
            return None
        *before, last = jumps.split(",")
        if len(on_the_way) > _MOST_JUMPS:
            raise Unreachable(
                f"the hosts to jump over go round in circles: {', '.join(on_the_way[:4])}, …",
                where=self.meant,
                hint="except them from the ProxyJump of ssh_config, as in `Host * !bastion`",
            )
        return self.to_hop(last, on_the_way, {"ProxyJump": ",".join(before)} if before else {})


def _asked(name: str, first: Mapping[str, object], last: Mapping[str, object]) -> dict[str, list[str]]:
    """Let OpenSSH read ssh_config, with what goes before it (it takes the first word on everything) and after."""
    lines = ["Host *", *_settings(first)]
    lines += [f'Include "{file}"' for file in (Path.home() / ".ssh/config", _SYSTEM_CONFIG) if file.exists()]
    lines += ["Host *", *_settings(last), ""]
    done = run(
        ["ssh", "-F", "/dev/stdin", "-T", "-G", "--", name],
        doing="reading ssh_config",
        needs="install OpenSSH's client",
        stdin="\n".join(lines),
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key, []).append(value)
    return found


def _settings(settings: Mapping[str, object]) -> list[str]:
    return [f"  {key} {value}" for key, value in settings.items() if value is not None]


def _files(paths: str | None) -> tuple[Path, ...]:
    return tuple(Path(path).expanduser() for path in (paths or "").split())
