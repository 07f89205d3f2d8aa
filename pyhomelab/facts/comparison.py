"""A machine and its entry in the inventory: where the two differ.

What the machine did not tell is not held against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake
from pyhomelab.facts.disk_names import unnameable
from pyhomelab.facts.suggestion import size_in_mib
from pyhomelab.facts.words import disk_in_words, nic_in_words
from pyhomelab.text.wording import few, in_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyhomelab.facts.machine import Facts, Nic
    from pyhomelab.model import Host
    from pyhomelab.model.network import Link

Path = tuple[str | int, ...]
_TOLERATED = 32
"""Memory may differ by one part in so many: graphics and firmware keep some of it."""
_MOST_NAMED = 4
_VENDORS = {"vmx": "intel", "svm": "amd"}
_MERGE = "`pyhomelab facts --merge` writes what the machine says"


def comparison(name: str, host: Host, facts: Facts) -> list[Mistake]:
    """Give every difference between a machine and the entry of this name."""
    found = [
        *_machine(host, facts),
        *_kvm(host, facts),
        *_disks(host, facts),
        *_links(host, facts),
    ]
    return [Mistake(("hosts", name, *path), reason, hint, shows) for path, reason, hint, shows in found]


_Found = tuple[Path, str, str, bool]


def stated(host: Host, facts: Facts) -> dict[Path, int | str]:
    """Give what a machine states of itself and the entry has otherwise: the paths below the host, and the values."""
    values: dict[Path, int | str] = {}
    if facts.cpu_threads is not None and facts.cpu_threads != host.cpu_threads:
        values["cpu_threads",] = facts.cpu_threads
    if facts.memory is not None and abs(facts.memory - host.memory) * _TOLERATED > host.memory:
        values["memory",] = size_in_mib(facts.memory)
    if facts.firmware is not None and facts.firmware != host.boot.firmware:
        values["boot", "firmware"] = facts.firmware
    return values


def _machine(host: Host, facts: Facts) -> Iterator[_Found]:
    architecture = host.system.partition("-")[0]
    if facts.architecture and facts.architecture != architecture:
        yield ("system",), f"is not what the machine is: {facts.architecture}", "see whether it is the one meant", True
    for path, value in stated(host, facts).items():
        verb = "was started by" if path[-1] == "firmware" else "has"
        yield path, f"is not what the machine {verb}: {value}", _MERGE, True


def _kvm(host: Host, facts: Facts) -> Iterator[_Found]:
    if host.kvm is None or facts.architecture != "x86_64":
        return
    if facts.virtualization is None:
        reason = "is not possible: the processor shows neither vmx nor svm"
        yield ("kvm",), reason, "switch virtualisation on in the firmware, or leave `kvm` out", False
    elif host.kvm.cpu is not None and _VENDORS[facts.virtualization] != host.kvm.cpu:
        yield ("kvm", "cpu"), f"is not what the processor shows ({facts.virtualization})", "correct it", True


def _disks(host: Host, facts: Facts) -> Iterator[_Found]:
    if any(missing.startswith("its disks") for missing in facts.missing):
        return
    first: dict[str, str] = {}
    for path, written, least in _written_disks(host):
        disk = next((disk for disk in facts.disks if written in disk.by_id), None)
        if disk is None:
            yield path, "is not on the machine", _there_is(facts), True
            continue
        if disk.name in first:
            yield path, f"is the same disk as {first[disk.name]}: {disk_in_words(disk)}", "name another", True
        first.setdefault(disk.name, written)
        if doubt := unnameable(disk, facts.disks):
            yield path, f"means no disk for certain: {disk.name} {doubt}", "name another disk", True
        if disk.read_only:
            yield path, f"can only be read: {disk_in_words(disk)}", "look for a switch on it, or replace it", True
        if least is not None and disk.size < least:
            reason = f"has {_gib(disk.size)}, less than the {_gib(least)} that `disk_size` says: {disk_in_words(disk)}"
            yield path, reason, "correct `disk_size`, or look whether it is the disk meant", True


def _written_disks(host: Host) -> Iterator[tuple[Path, str, int | None]]:
    """Give every disk that an entry names, with its path below the host and the size that it has at least."""
    yield ("boot", "disk"), host.boot.disk, host.boot.disk_size
    for name, pool in host.zfs.items():
        root: Path = ("zfs", name)
        yield from (((*root, "disks", index), disk, pool.disk_size) for index, disk in enumerate(pool.disks))
        several = [("vdevs", number, vdev.disks, pool.disk_size) for number, vdev in enumerate(pool.vdevs)]
        several += [("special", number, vdev.disks, None) for number, vdev in enumerate(pool.special)]
        several += [("log", number, vdev.disks, None) for number, vdev in enumerate(pool.log)]
        for key, number, disks, least in several:
            yield from (((*root, key, number, "disks", index), disk, least) for index, disk in enumerate(disks))
        for key, disks in (("cache", pool.cache), ("spares", pool.spares)):
            yield from (((*root, key, index), disk, None) for index, disk in enumerate(disks))


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f}".removesuffix(".0") + "GiB"


def _there_is(facts: Facts) -> str:
    others = [f"{disk.by_id[0]} ({in_units(disk.size)})" for disk in facts.disks if disk.by_id and not disk.removable]
    return f"there is {few(others, _MOST_NAMED)}" if others else "no disk of it has a name under /dev/disk/by-id"


def _links(host: Host, facts: Facts) -> Iterator[_Found]:
    for name, link in host.links.items():
        if link.bond is not None:
            for index, member in enumerate(link.bond.members):
                if _called(member, facts) is None:
                    path = ("links", name, "bond", "members", index)
                    yield path, "is no network card of the machine", _cards(facts), True
        else:
            yield from _card(name, link, facts)


def _card(name: str, link: Link, facts: Facts) -> Iterator[_Found]:
    knows_macs = any(nic.mac for nic in facts.nics)
    if link.mac is not None and knows_macs:
        if _first(facts, lambda nic: nic.mac == link.mac) is None:
            yield ("links", name, "mac"), "is of no network card of the machine", _cards(facts), True
    elif link.mac is None and _called(name, facts) is None:
        yield ("links", name), "is no network card of the machine", _cards(facts), False


def _called(name: str, facts: Facts) -> Nic | None:
    return _first(facts, lambda nic: name == nic.name or name in nic.altnames)


def _first(facts: Facts, holds: Callable[[Nic], bool]) -> Nic | None:
    return next((nic for nic in facts.nics if holds(nic)), None)


def _cards(facts: Facts) -> str:
    cards = [f"{nic.name} ({nic_in_words(nic)})" for nic in facts.nics]
    return f"there is {few(cards, _MOST_NAMED)}" if cards else "it told of no network card"
