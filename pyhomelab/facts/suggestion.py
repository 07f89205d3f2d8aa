"""What a machine is made of → its entry for the inventory, with the choices that are a person's left open.

An open choice is written as CHOOSE, which `pyhomelab check` refuses: nothing is built, and no disk erased, before it
is made. A disk is suggested only if there is no other to think of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import TYPE_CHECKING

from pyhomelab.facts.disk_names import unnameable
from pyhomelab.facts.words import NOTHING, contents, disk_in_words, machine_in_words, nic_in_words
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyhomelab.facts.machine import Disk, Facts, Nic
    from pyhomelab.model.base import Network

CHOOSE = "CHOOSE"
_SYSTEMS = {"x86_64": "x86_64-linux", "aarch64": "aarch64-linux"}
_MIB = 1 << 20
_GIB = 1 << 30
_PREDICTABLE = re.compile(r"(?:en|ib)[A-Za-z0-9]{1,13}|end\d+")
_SMALLEST_SYSTEM_DISK = 8 * _GIB


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The lines of an entry, its name first, indented by two spaces as below `hosts:`; and the keys left to choose."""

    lines: tuple[str, ...]
    choices: tuple[str, ...]

    @property
    def text(self) -> str:
        """The entry as YAML."""
        return "".join(f"{line}\n" for line in self.lines)


def suggestion(name: str, facts: Facts, networks: Mapping[str, Network]) -> Suggestion:
    """Write the entry of a machine for an inventory that has these networks."""
    written = [
        f"  {name}:  # {machine_in_words(facts)}",
        *_processor(facts),
        *_boot(facts),
        *_links(facts, networks),
        *_disks(facts),
        *(f"    # It did not tell {missing}." for missing in facts.missing),
    ]
    return Suggestion(tuple(written), tuple(_choices(written)))


def _choices(lines: Sequence[str]) -> Iterator[str]:
    """Name the keys whose value is open, links by their card."""
    for line in lines:
        text = line.partition("  #")[0].strip()
        if CHOOSE in text and not text.startswith("#"):
            key, _, value = text.partition(": ")
            yield f"network of {key}" if value.startswith("{") else key


def _processor(facts: Facts) -> Iterator[str]:
    system = _SYSTEMS.get(facts.architecture)
    if system is None:
        yield f"    system: {CHOOSE}  # the machine says {facts.architecture or 'nothing'}; there are {_systems()}"
    elif system != "x86_64-linux":
        yield f"    system: {system}"
    yield f"    cpu_threads: {facts.cpu_threads or CHOOSE}"
    yield f"    memory: {size_in_mib(facts.memory) if facts.memory else CHOOSE}"
    if facts.virtualization is not None:
        yield f"    # kvm: {{}}  # it can run virtual machines ({facts.virtualization})"


def _systems() -> str:
    return listed(_SYSTEMS.values())


def size_in_mib(size: int) -> str:
    """Write a size as the inventory does, without loss above a MiB: `36GiB`, `1536MiB`."""
    return f"{size // _GIB}GiB" if size % _GIB == 0 else f"{size // _MIB}MiB"


def _boot(facts: Facts) -> Iterator[str]:
    yield "    boot:"
    if facts.firmware is not None:
        yield f"      firmware: {facts.firmware}"
    elif any(missing.startswith("its firmware") for missing in facts.missing):
        yield f"      firmware: {CHOOSE}  # uefi or bios: nobody said it"
    else:
        yield f"      firmware: {CHOOSE}  # it was started by neither; uefi, if its firmware can start a UEFI program"
    free = suggested_disks(facts)
    if len(free) == 1 and contents(free[0], is_known=facts.knows_contents) == NOTHING:
        yield f"      disk: {free[0].by_id[0]}  # {disk_in_words(free[0])}: {NOTHING} on it; installing erases it"
    else:
        none = "no disk is free now; those below say why" if facts.disks else "it told of no disk"
        which = "a disk of those below" if free else none
        yield f"      disk: {CHOOSE}  # {which}; installing erases it"


def suggested_disks(facts: Facts) -> list[Disk]:
    """Give the disks that a system could be installed on without harm to what runs now."""
    return [disk for disk in facts.disks if not _unfit(disk, facts)]


def _unfit(disk: Disk, facts: Facts) -> str:
    """Say why a disk is not suggested; an empty text if it is."""
    reasons = [
        *disk.uses,
        *(["removable"] if disk.removable else []),
        *(["read-only"] if disk.read_only else []),
        *(["too small for a system"] if disk.size < _SMALLEST_SYSTEM_DISK else []),
    ]
    doubt = unnameable(disk, facts.disks)
    if doubt:
        path = f"; its place is {disk.by_path[0]}" if disk.by_path and not disk.by_id else ""
        reasons.append(f"{doubt}{path}")
    return ", ".join(reasons)


def _disks(facts: Facts) -> Iterator[str]:
    fit = suggested_disks(facts)
    if fit:
        is_told = not any("what uses them" in missing for missing in facts.missing)
        used = "that nothing uses now" if is_told else "of which nobody told what uses them"
        yield f"    # Disks {used}, by the names to write:"
    for disk in fit:
        yield f"    #   {disk.by_id[0]}"
        yield f"    #     {disk_in_words(disk)}: {contents(disk, is_known=facts.knows_contents)}"
    if len(fit) > 1:
        yield "    # Those that are not for the system can make a pool:"
        yield "    # zfs:"
        yield "    #   tank: {layout: mirror, disks: [/dev/disk/by-id/ONE, /dev/disk/by-id/TWO]}"
    others = [disk for disk in facts.disks if disk not in fit and disk.transport != "loop"]
    if others:
        yield "    # Disks that are not suggested:"
    for disk in others:
        yield f"    #   {disk_in_words(disk)}: {_unfit(disk, facts)}"
        if disk.by_id and not unnameable(disk, facts.disks):
            yield f"    #     {disk.by_id[0]}"


def _links(facts: Facts, networks: Mapping[str, Network]) -> Iterator[str]:
    cards = [nic for nic in facts.nics if not nic.wireless]
    linked = [nic for nic in cards if nic.carrier] or (cards if len(cards) == 1 else [])
    yield "    links:" if linked else f"    links: {CHOOSE}  # a card of those below"
    for number, nic in enumerate(linked):
        yield f"      {_link(nic, number, networks)}  # {nic_in_words(nic)}"
    for number, nic in enumerate(nic for nic in cards if nic not in linked):
        yield f"      # {_link(nic, len(linked) + number, networks)}  # {nic_in_words(nic)}"
    for nic in facts.nics:
        if nic.wireless:
            yield f"      # {nic.name} is wireless, which no link can be: {nic_in_words(nic)}"


def _link(nic: Nic, number: int, networks: Mapping[str, Network]) -> str:
    network = _network_of(nic, networks) or CHOOSE
    name = lasting_name(nic)
    if name is None:  # a name such as eth0 goes to whichever card is found first
        mac = f'mac: "{nic.mac}", ' if nic.mac else ""
        return f"lan{number}: {{{mac}network: {network}, address: dhcp}}"
    return f"{name}: {{network: {network}, address: dhcp}}"


def lasting_name(nic: Nic) -> str | None:
    """Give the name that a card keeps from boot to boot; None if it has none."""
    return next((name for name in (nic.name, *nic.altnames) if _PREDICTABLE.fullmatch(name)), None)


def _network_of(nic: Nic, networks: Mapping[str, Network]) -> str | None:
    held = [ip_interface(address).ip for address in nic.addresses if _is_address(address)]
    return next((name for name, network in networks.items() if any(ip in network for ip in held)), None)


def _is_address(text: str) -> bool:
    try:
        ip_interface(text)
    except ValueError:
        return False
    return True
