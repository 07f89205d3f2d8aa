"""`pyhomelab try`."""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import inventory_option
from pyhomelab.errors import Left, Refused, SomeFailed
from pyhomelab.files.generated import refuse_stale
from pyhomelab.inventory.load import load
from pyhomelab.machines.selection import select
from pyhomelab.machines.targets import targets
from pyhomelab.nix.flakes import NEEDS_NIX, flake_of, refuse_untracked
from pyhomelab.premises import Premises
from pyhomelab.process import Children, CommandFailed
from pyhomelab.rehearsal.rehearsal import Stand, building, expression, lacks, lacks_of_nix, this_computer
from pyhomelab.rehearsal.switches import switches
from pyhomelab.text.wording import harmless, listed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyhomelab.model import Inventory

_LEAST_MIB = 512
_MOST_MIB = 2048
_MIB = 1 << 20
_FIRST_PORT = 2201
_PORTS = 65535
_SSH = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"


@click.command()
@click.argument("machines", metavar="[MACHINE]...", nargs=-1)
@inventory_option
@click.option(
    "--memory",
    metavar="MIB",
    type=click.IntRange(min=_LEAST_MIB),
    default=_MOST_MIB,
    show_default=True,
    help="Most memory of each virtual machine.",
)
@click.option(
    "--first-port",
    "port",
    type=click.IntRange(1024, _PORTS),
    default=_FIRST_PORT,
    show_default=True,
    help="Port of this computer that leads to the ssh of the first machine; the others follow.",
)
@click.option("--verbose", is_flag=True, help="Show what the machines say as they boot.")
def command(*, machines: tuple[str, ...], inventory: Path, memory: int, port: int, verbose: bool) -> None:
    """Boot the lab in virtual machines on this computer.

    Each has the files that `gen` made for it, its cards in private networks, and its data disks, small and blank, with
    their pools made. They stay up for as long as this runs; Ctrl-C ends them, and nothing of them is kept. Without
    names all hosts are booted; guests only by name, and then beside their hosts. What this computer lacks is said
    before anything is started.

    Example: pyhomelab try dl1 dl2
    """
    lab, premises = load(inventory), Premises(inventory)
    chosen = tuple(select(machines, targets(lab, inventory))) if machines else tuple(lab.hosts)
    if port + len(chosen) > _PORTS:
        raise click.BadParameter(f"there are no {len(chosen)} ports from {port} on", param_hint="--first-port")
    refuse_stale(lab, premises)
    refuse_untracked(premises.root, premises.directory)
    stands = _stands(lab, chosen, memory, port)
    with flake_of(premises.root, premises.own) as flake:
        _refuse_lacks([*lacks(this_computer(), stands), *lacks_of_nix(flake)], chosen)
        directory = str(premises.directory.resolve().relative_to(premises.root))
        with Children() as children:
            driver = _built(children, expression(flake, directory, stands))
            for name, stand in stands.items():
                click.echo(f"{name}: {stand.memory_mib} MiB; {_SSH} -p {stand.port} root@localhost")
            _run(children, driver, shows_all=verbose)


def _stands(lab: Inventory, chosen: Iterable[str], most: int, port: int) -> dict[str, Stand]:
    plugged = switches(lab, chosen)
    stands = {}
    for number, name in enumerate(plugged):
        host = lab.hosts.get(name)
        memory = host.memory if host is not None else lab.guests[name].memory
        system = host.system if host is not None else "x86_64-linux"
        stands[name] = Stand(min(most, memory // _MIB), plugged[name], port + number, system)
    return stands


def _refuse_lacks(missing: list[str], chosen: tuple[str, ...]) -> None:
    if missing:
        raise Refused("\n".join([f"{listed(chosen)} cannot be tried here:", *(f"- {one}" for one in missing)]))


def _built(children: Children, text: str) -> str:
    click.echo("building the machines", err=True)
    with children.running(building(text), needs=NEEDS_NIX, on_stderr=_say) as nix:
        paths = list(nix.lines())
        ended = nix.end()
    if ended.exit_code or not paths:
        raise CommandFailed(f"the machines could not be built (exit {ended.exit_code}); the reason is above")
    return paths[-1]


def _run(children: Children, driver: str, *, shows_all: bool) -> None:
    """Run the driver until its machines have ended, or somebody ends it."""
    with TemporaryDirectory(prefix="pyhomelab-try-") as place:
        argv = [f"{driver}/bin/nixos-test-driver", "--output_directory", place]
        try:
            with children.running(
                argv, needs="it was just built", environment={"TMPDIR": place}, on_stderr=_say if shows_all else _hush
            ) as running:
                for line in running.lines():
                    click.echo(harmless(line))
                ended = running.end()
        except KeyboardInterrupt:
            raise Left("the machines are ended, and nothing of them is kept") from None
    if ended.exit_code:
        said = "\n".join(ended.stderr.splitlines()[-10:])
        raise SomeFailed(f"the machines did not come up (exit {ended.exit_code})\n{harmless(said)}")


def _say(line: str) -> None:
    sys.stderr.write(f"{harmless(line)}\n")


def _hush(line: str) -> None:
    del line
