"""`pyhomelab facts`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import TypeAdapter, ValidationError

from pyhomelab.cli.facts_told import Told, tell
from pyhomelab.cli.options import json_option
from pyhomelab.errors import Refused
from pyhomelab.facts.answer import SCRIPT, facts_of
from pyhomelab.facts.facter import read_report
from pyhomelab.files.entries import Entries
from pyhomelab.model.base import Name
from pyhomelab.shell.strangers import Way, opened, stranger

if TYPE_CHECKING:
    from pyhomelab.facts.machine import Facts

_TIMEOUT = 90.0
_NAMELESS = "host1"
_NO_NAMES = ("nixos", "localhost", "debian", "ubuntu", "archiso", "installer", "rescue")


@click.command()
@click.argument("host", required=False)
@click.option(
    "--inventory", type=click.Path(path_type=Path, readable=False), help="The lab's inventory; by default `hosts`."
)
@click.option("--name", help="What the machine is called in the inventory, if HOST is an address.")
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Port of its ssh, as for ssh itself.")
@click.option(
    "-i",
    "--identity",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Log in with this private key first, as for ssh itself.",
)
@click.option(
    "--host-key", metavar="SHA256:…", help="Accept a host key that is not pinned, if it has this fingerprint."
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Read a report of nixos-facter instead of asking a machine.",
)
@click.option("--merge", is_flag=True, help="Write into the inventory what the machine states, or a new host.")
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    host: str | None,
    inventory: Path | None,
    name: str | None,
    port: int | None,
    identity: Path | None,
    host_key: str | None,
    report: Path | None,
    merge: bool,
    as_json: bool,
) -> None:
    """Say what a machine is made of, as an entry for the inventory.

    HOST is a machine of the inventory, or an address (user@address) of any Linux with ssh: an installer, Debian, NixOS.
    Nothing is changed there. A machine that is in the inventory is compared with its entry; exits 1 if they differ.
    --merge writes threads, memory and firmware into an entry that is there, and never a disk; a new host is added with
    what is to be chosen left open.

    Example: pyhomelab facts root@192.168.1.77 --name nas --merge
    """
    _refuse_confusion(host, report, name, merge=merge)
    entries = Entries.read(inventory or Path("hosts"), needed=merge or inventory is not None)
    place = (host or "").rpartition("@")[2]
    called = name or (place if place in entries.names else None)
    if merge and called is None:
        raise click.UsageError("--merge needs a name for the machine: add --name")
    facts = read_report(report) if report is not None else _asked(entries, host or "", port, identity, host_key)
    tell(
        Told(called or _own_name(facts), facts, entries), is_merged=merge, is_known=called is not None, as_json=as_json
    )


def _refuse_confusion(host: str | None, report: Path | None, name: str | None, *, merge: bool) -> None:
    if (host is None) == (report is None):
        raise click.UsageError("give a HOST to ask, or a --report to read")
    if report is not None and merge and name is None:
        raise click.UsageError("a report does not say whose it is: add --name")
    if name is not None and not _is_name(name):
        raise click.BadParameter(
            f"{name!r} is not a DNS label: lower-case letters, digits and hyphens", param_hint="--name"
        )


def _is_name(text: str) -> bool:
    try:
        TypeAdapter(Name).validate_python(text)
    except ValidationError:
        return False
    return True


def _own_name(facts: Facts) -> str:
    own = facts.hostname.partition(".")[0]
    return own if _is_name(own) and own not in _NO_NAMES else _NAMELESS


def _asked(entries: Entries, host: str, port: int | None, identity: Path | None, host_key: str | None) -> Facts:
    user, _, place = host.rpartition("@")
    machines = entries.machines(is_needed=place in entries.names)
    if place in machines and place not in entries.names:
        raise Refused("is a guest: what it is made of, the inventory decides", where=place, hint="ask its host")
    try:
        told = stranger(host, port)
    except ValueError as error:
        raise Refused(str(error), hint=entries.near(place)) from None
    target = machines.get(place)
    if target is not None:
        stated = {key: value for key, value in (("user", user), ("port", port)) if value}
        target = replace(target, ssh=target.ssh.model_copy(update=stated))

    def accept(who: str, fingerprint: str, known: str | None) -> bool:
        if host_key is not None or known is not None or not sys.stdin.isatty():
            return fingerprint == host_key
        return click.confirm(f"{who} shows {fingerprint}, which is pinned nowhere; is it the machine's?", err=True)

    way = Way(target or told, is_of_the_lab=target is not None, identity=identity)
    with opened(way, machines, accept) as shell:
        return facts_of(way.target.name, shell.run(SCRIPT, timeout=_TIMEOUT))
