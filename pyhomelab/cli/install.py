"""`pyhomelab install`."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.installing import install_anew
from pyhomelab.cli.installing_further import install_further
from pyhomelab.cli.newcomer import Place
from pyhomelab.cli.options import (
    inventory_option,
    json_events_option,
    json_option,
    print_json,
    refuse_two_kinds,
    time_option,
)
from pyhomelab.cli.scene import Wish
from pyhomelab.cli.telling import teller
from pyhomelab.errors import NeedsAPerson, SomeFailed, Unhealthy
from pyhomelab.installing.install import INSTALLED
from pyhomelab.nix.build import BuildOn
from pyhomelab.telling.report import about

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from pyhomelab.cli.scene import Installed

_PORTS = 65535


@dataclass(frozen=True, slots=True)
class Output:
    """What was asked of stdout."""

    as_json: bool
    json_events: bool


@click.command()
@click.argument("machine", metavar="HOST")
@inventory_option
@click.option(
    "--address", metavar="[USER@]ADDRESS", help="Where it answers now; by default where the inventory says, as root."
)
@click.option("--port", type=click.IntRange(1, _PORTS), help="Port of its ssh at --address; by default 22.")
@click.option("--host-key", "fingerprint", metavar="SHA256:…", help="Fingerprint of the host key that it shows now.")
@click.option(
    "--kexec", is_flag=True, help="It runs some other Linux: have it leave that for an installer in memory first."
)
@click.option("--kexec-image", metavar="FILE|URL", help="The installer for --kexec; by default nixos-anywhere's own.")
@click.option(
    "--yes-erase", metavar="HOST", help="Do not ask before its disks are erased; names the machine once more."
)
@click.option("--resume", is_flag=True, help="Go on with an installation that was cut short, at the step where it was.")
@click.option(
    "--build-on",
    "build_on",
    type=click.Choice([BuildOn.LOCAL.value, BuildOn.REMOTE.value]),
    default=BuildOn.LOCAL.value,
    show_default=True,
    help="Who builds its system: this machine alone, or the builders that nix.conf names with it.",
)
@time_option("--boot-limit", "boot", "15m", "How long its first boot may take.")
@json_option
@json_events_option
def command(  # noqa: PLR0913 - one for each option
    *,
    machine: str,
    inventory: Path,
    address: str | None,
    port: int | None,
    fingerprint: str | None,
    kexec: bool,
    kexec_image: str | None,
    yes_erase: str | None,
    resume: bool,
    build_on: str,
    boot: int,
    as_json: bool,
    json_events: bool,
) -> None:
    """Install a bare machine, having shown which disks that erases.

    It has to run an installer with ssh, best the lab's own: `nix build .#installer-iso`. It and its disks are compared
    with the inventory and shown. Any doubt is a refusal; else its name is to be typed. Then nixos-anywhere makes of it
    what the inventory says, with the host key that was made for it. Exits 3 if nothing was changed, 1 if it is
    installed but a check fails, 4 if it is not and its disks are whole still, 5 if they are not.

    Example: pyhomelab install dl1 --address 192.168.10.77
    """
    refuse_two_kinds(as_json=as_json, json_events=json_events)
    _refuse_contradictions(machine, yes_erase, kexec_image, port, address, kexec=kexec)
    wish = Wish(
        machine=machine,
        inventory=inventory,
        place=Place(address, port, fingerprint),
        leaves=kexec,
        kexec_image=kexec_image,
        agreed=yes_erase is not None,
        build_on=BuildOn(build_on),
        boot=boot,
    )
    with _heeding_hangups(), teller(json_events=json_events) as tell:
        over = install_further(wish, tell) if resume else install_anew(wish, tell)
    _conclude(machine, over, Output(as_json, json_events))


def _refuse_contradictions(  # noqa: PLR0913 - one for each option
    machine: str,
    yes_erase: str | None,
    kexec_image: str | None,
    port: int | None,
    address: str | None,
    *,
    kexec: bool,
) -> None:
    if yes_erase is not None and yes_erase != machine:
        raise click.UsageError(f"--yes-erase names {yes_erase}, and {machine} is to be installed: name the same")
    if kexec_image is not None and not kexec:
        raise click.UsageError("--kexec-image is for --kexec: give both, or neither")
    if port is not None and address is None:
        raise click.UsageError("--port is of --address: give both, or neither")


@contextmanager
def _heeding_hangups() -> Iterator[None]:
    """End in order when the terminal goes away, so that no private key stays behind."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        sys.exit(128 + number)

    before = signal.signal(signal.SIGHUP, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _conclude(machine: str, over: Installed, output: Output) -> None:
    """Say what became of the machine, and what to type next; raises what its exit code is."""
    result = over.result
    why = "; ".join(filter(None, (result.why, *result.remarks)))
    if output.as_json:
        print_json({"run": over.run_id, "hosts": {machine: {"state": result.became, "why": why, "runs": result.runs}}})
    elif not output.json_events:
        click.echo(about(machine, f"{result.became}{f': {why}' if why else ''}")[0])
    for line in result.log:
        click.echo(about(machine, f"  {line}")[0], err=True)
    if result.became == INSTALLED:
        if not result.is_well:
            raise Unhealthy(f"{machine} is installed, but not all is well", hint=f"`pyhomelab verify --host {machine}`")
        return
    hint = f"when that is mended, `pyhomelab install {machine} --resume` goes on"
    if result.needs_a_person:
        raise NeedsAPerson(
            f"{machine} needs a person: its disks may be erased, and it does not run its system", hint=hint
        )
    raise SomeFailed(f"{machine} was not installed; its disks are as they were", hint=hint)
