"""Whether a machine is the one that the inventory means, and free to be installed: all that speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.text.wording import counted, few, in_units, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.facts.machine import Facts
    from pyhomelab.installing.standing import Standing
    from pyhomelab.model import Host, Inventory

_LEAST_MEMORY = 0.85
"""How much of the stated memory a machine must show: firmware and graphics keep some for themselves."""
_MOST_SHOWN = 4
_ARCHITECTURES = {"x86_64-linux": "x86_64", "aarch64-linux": "aarch64"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A machine as it was seen at one moment: what it is made of, and what runs on it."""

    facts: Facts
    standing: Standing


def doubts(inventory: Inventory, machine: str, seen: Seen, *, leaves: bool) -> Iterator[str]:
    """Say what speaks against a machine being the one that is meant, and free to be installed.

    One that `leaves` what it runs for an installer in memory may run something else now.
    """
    facts, standing = seen.facts, seen.standing
    yield from _what_runs(inventory, machine, standing, leaves=leaves)
    host = inventory.hosts.get(machine)
    guest = inventory.guests.get(machine)
    firmware = host.boot.firmware if host is not None else guest.firmware if guest is not None else None
    architecture = _ARCHITECTURES[host.system] if host is not None else None
    if architecture is not None and facts.architecture != architecture:
        yield f"its processor is {facts.architecture}, and the inventory says {architecture}: is it {machine}?"
    if facts.firmware is not None and firmware is not None and facts.firmware != firmware:
        yield (
            f"it was started by {_firmware(facts.firmware)}, and the inventory says {firmware}: "
            "choose that in its firmware setup, or correct `firmware`"
        )
    if host is not None:
        yield from _other_parts(host, machine, facts, knows_names=standing.is_installer)


def _what_runs(inventory: Inventory, machine: str, standing: Standing, *, leaves: bool) -> Iterator[str]:
    others = {*inventory.hosts, *inventory.guests} - {machine}
    if standing.is_installer:
        return
    if standing.is_nixos and standing.hostname == machine:
        yield f"it runs as {machine} already: `pyhomelab deploy --host {machine}` brings it up to date"
    elif standing.hostname in others:
        yield f"it runs as {standing.hostname}, another machine of the lab: correct the address"
    elif not leaves:
        yield (
            f"it runs {standing.runs} ({standing.hostname}), not an installer: start it from the installer image, "
            "or give --kexec to have it leave that for an installer in memory"
        )


def _firmware(kind: str) -> str:
    return "UEFI" if kind == "uefi" else "a BIOS"


def _other_parts(host: Host, machine: str, facts: Facts, *, knows_names: bool) -> Iterator[str]:
    macs = {nic.mac.lower(): nic.name for nic in facts.nics if nic.mac is not None}
    names = {name for nic in facts.nics for name in (nic.name, *nic.altnames)}
    for name, link in host.links.items():
        if link.mac is not None:
            if str(link.mac).lower() not in macs:
                yield f"it has no network card with the MAC address {link.mac} (link {name}): is it {machine}?"
            continue
        cards = link.bond.members if link.bond is not None else (name,)
        missing = [card for card in cards if card not in names]
        if missing and knows_names:
            there = few(sorted(names), _MOST_SHOWN) or "none"
            yield (
                f"it has no network card {listed(missing, 'or')} (link {name}), and could not be reached when it is "
                f"installed; there are {there}"
            )
    if facts.memory is not None and facts.memory < host.memory * _LEAST_MEMORY:
        memory, stated = in_units(facts.memory), in_units(host.memory)
        yield f"it has {memory} of memory, and the inventory says {stated}: is it {machine}?"
    if facts.cpu_threads is not None and facts.cpu_threads < host.cpu_threads:
        threads = counted(facts.cpu_threads, "CPU thread")
        yield f"it has {threads}, and the inventory says {host.cpu_threads}: is it {machine}?"
