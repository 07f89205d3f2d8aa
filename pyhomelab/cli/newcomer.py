"""The way to a machine that is not of the lab yet: where it answers, and the host key by which it is known."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from pyhomelab.errors import Refused
from pyhomelab.shell import SAYS_ITS_KEY, HostKeyRefused

if TYPE_CHECKING:
    from pyhomelab.cli.telling import Teller
    from pyhomelab.machines.targets import Target
    from pyhomelab.shell.network import Network

_PLACE = re.compile(r"(?:(?P<user>[A-Za-z_][A-Za-z0-9_.-]{0,31})@)?\[?(?P<address>[A-Za-z0-9:.%-]{1,255}?)\]?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a machine answers until it is installed, as it was typed; without an address, as the inventory says."""

    address: str | None
    port: int | None
    fingerprint: str | None


def bare_target(target: Target, place: Place) -> Target:
    """Give the way to a machine of the inventory while something else runs on it, which has no pinned key.

    Root logs in unless `user@` was typed: the installer knows nobody else. Raises BadParameter if it is no address.
    """
    if place.address is None:
        return replace(target, ssh=target.ssh.model_copy(update={"user": "root"}), host_key=None)
    match = _PLACE.fullmatch(place.address)
    if match is None:
        raise click.BadParameter(f"{place.address} is not [user@]address", param_hint="--address")
    own = {"address": match["address"], "user": match["user"] or "root", "port": place.port or 22}
    return replace(target, address=match["address"], ssh=target.ssh.model_copy(update=own), host_key=None)


def known(target: Target, network: Network, fingerprint: str | None, tell: Teller) -> Target:
    """Give a target with the host key that it shows, if somebody vouches for it: by its fingerprint, or when asked.

    Raises Refused if nobody does, and HostFailed if the machine cannot be reached.
    """
    try:
        network.open(target).close()
    except HostKeyRefused as error:
        shown = error
    else:
        raise AssertionError("a host key was accepted that nobody knows")
    if fingerprint is not None:
        if fingerprint.removeprefix("SHA256:") != shown.shown.removeprefix("SHA256:"):
            raise Refused(
                f"it shows the host key {shown.shown}, not {fingerprint}",
                where=target.name,
                hint=f"somebody else may answer there; {SAYS_ITS_KEY} at its console says which is its own",
            )
        return replace(target, host_key=shown.key)
    if not sys.stdin.isatty():
        raise Refused(
            f"it shows the host key {shown.shown}, for which nobody vouches",
            where=target.name,
            hint=f"if {SAYS_ITS_KEY} says the same at its console, give --host-key {shown.shown}",
        )
    with tell.paused():
        click.echo(
            f"{target.name} shows the host key {shown.shown}. Does {SAYS_ITS_KEY} say the same at its console?",
            err=True,
        )
        if not click.confirm("Go on with it?", err=True):
            raise Refused("nothing was changed", where=target.name)
    return replace(target, host_key=shown.key)
