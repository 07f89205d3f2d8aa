"""A machine whose host key is pinned nowhere, such as one that runs an installer: somebody has to accept it.

What is accepted is a fingerprint, and the key behind it holds for one connection; nothing is written down.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from pyhomelab.machines.targets import Target
from pyhomelab.model import Ssh
from pyhomelab.shell import SAYS_ITS_KEY, HostKeyRefused
from pyhomelab.shell.route import route_to
from pyhomelab.shell.session import SshShell
from pyhomelab.shell.ssh import connect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyhomelab.shell.route import Route
    from pyhomelab.shell.ssh import Line


class Accept(Protocol):
    """Says whether a fingerprint is that of the machine meant; `known` is another one, if its key is known."""

    def __call__(self, who: str, fingerprint: str, known: str | None) -> bool:
        """Judge the key that `who` showed."""


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach a machine: in the inventory or not, perhaps with a key of one's own."""

    target: Target
    is_of_the_lab: bool
    identity: Path | None = None


def stranger(words: str, port: int | None) -> Target:
    """Read `user@address` or `address` as something to log in to; raises ValueError, with the reason, if it is none."""
    user, _, place = words.rpartition("@")
    place = place.removeprefix("[").removesuffix("]")
    try:
        Ssh.model_validate({"address": place})
    except ValidationError:
        raise ValueError(f"{words} is neither a machine of the inventory nor an address") from None
    try:
        ssh = Ssh.model_validate({"user": user or None, "port": str(port) if port else None})
    except ValidationError:
        raise ValueError(f"{words} does not begin with a user's name") from None
    return Target(place, place, ssh, None, Path("known_hosts"), "", ())


@contextmanager
def opened(way: Way, machines: Mapping[str, Target], accept: Accept) -> Iterator[SshShell]:
    """Log in, if need be after `accept`; raises a HostFailed of `pyhomelab.shell` if that cannot be."""
    route = route_to(way.target, machines)
    if way.identity is not None:
        route = replace(route, identity_files=(way.identity, *route.identity_files))
    if not way.is_of_the_lab:
        route = replace(route, target=None)  # the user's known_hosts counts
    lines: list[Line] = []
    try:
        gateway = _gateway(route.via, lines)
        try:
            line = connect(route, gateway)
        except HostKeyRefused as refused:
            line = connect(_accepted(route, way.target, refused, accept), gateway)
        lines.append(line)
        yield SshShell(way.target.name, route.user, line)
    finally:
        for line in reversed(lines):
            line.close()


def _gateway(route: Route | None, lines: list[Line]) -> Line | None:
    if route is None:
        return None
    line = connect(route, _gateway(route.via, lines))
    lines.append(line)
    return line


def _accepted(route: Route, target: Target, refused: HostKeyRefused, accept: Accept) -> Route:
    """Give the route to a machine that must show exactly the key whose fingerprint somebody accepts."""
    if not accept(str(route), refused.shown, refused.pinned):
        for_once = f"`--host-key {refused.shown}` accepts it for once"
        is_new = route.target is None and refused.pinned is None
        hint = (
            f"if {SAYS_ITS_KEY} says the same at its console, {for_once}" if is_new else f"{refused.hint}; {for_once}"
        )
        refused.hint = hint
        raise refused
    return replace(route, target=replace(target, host_key=refused.key))
