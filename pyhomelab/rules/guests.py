"""Guests and the hosts that run them: bridges, processors, memory pages, devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake
from pyhomelab.model import ANYWHERE
from pyhomelab.model.units import GiB, MiB
from pyhomelab.text.wording import in_units, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Guest, Host
    from pyhomelab.rules.scope import Scope

_PAGE = {"2MiB": 2 * MiB, "1GiB": GiB}


def guests_have_a_host_that_runs_guests(scope: Scope) -> Iterator[Mistake]:
    """Refuse guests on what is no host, or on a host without KVM."""
    for name, guest in scope.inventory.guests.items():
        path = ("guests", name, "on")
        if guest.on == ANYWHERE:
            continue
        host = scope.inventory.hosts.get(guest.on)
        if host is None and guest.on in scope.inventory.guests and not scope.is_broken("hosts", guest.on):
            yield Mistake(path, "is a guest itself", "name the host that it runs on")
        elif host is None:
            yield from scope.unknown(path, guest.on, "host", "hosts")
        elif host.kvm is None:
            yield Mistake(path, "runs no guests", f"write `kvm: {{}}` at host {guest.on}")


def guests_are_in_networks_that_their_host_bridges(scope: Scope) -> Iterator[Mistake]:
    """Refuse a guest's link to a network that its host has no bridge for."""
    for host_name, _, name, guest in _stated(scope):
        for network in guest.links:
            if network in scope.inventory.networks and network not in scope.bridged(host_name):
                yield Mistake(
                    ("guests", name, "links", network),
                    f"has no bridge on host {host_name}",
                    f"write `bridge: br-{network}` where host {host_name} has network {network}",
                    shows_value=False,
                )


def guests_are_smaller_than_their_host(scope: Scope) -> Iterator[Mistake]:
    """Refuse guests that no over-commitment makes fit."""
    for host_name, host, name, guest in _stated(scope):
        if guest.cpus > host.cpu_threads:
            reason = f"are more than the {host.cpu_threads} threads of host {host_name}"
            yield Mistake(("guests", name, "cpus"), reason, "give the guest fewer, or a larger host")
        if guest.memory > host.memory - host.reserved_memory:
            left = in_units(max(host.memory - host.reserved_memory, 0))
            reason = f"is more than the {left} that host {host_name} has beside its own"
            yield Mistake(("guests", name, "memory"), reason, "give the guest less, or a larger host")


def guests_take_hugepages_that_exist(scope: Scope) -> Iterator[Mistake]:
    """Refuse huge pages of a host that sets none aside, and memory that is not made of whole ones."""
    for host_name, host, name, guest in _placed(scope):
        path = ("guests", name, "hugepages")
        if not guest.hugepages or host.kvm is None:
            continue
        pages = host.kvm.hugepages
        if pages is None:
            hint = f"write `hugepages: {{total: {in_units(guest.memory)}}}` under `kvm:` of host {host_name}"
            yield Mistake(path, f"needs huge pages, and host {host_name} sets none aside", hint)
        elif guest.memory % _PAGE[pages.size]:
            reason = f"is not made of whole pages of {pages.size}, as host {host_name} has them"
            yield Mistake(("guests", name, "memory"), reason, f"give it a multiple of {pages.size}")


def hugepages_are_whole(scope: Scope) -> Iterator[Mistake]:
    """Refuse to set aside a part of a page."""
    for name, host in scope.inventory.hosts.items():
        pages = host.kvm.hugepages if host.kvm is not None else None
        if pages is not None and pages.total % _PAGE[pages.size]:
            reason = f"is not made of whole pages of {pages.size}"
            path = ("hosts", name, "kvm", "hugepages", "total")
            yield Mistake(path, reason, f"set aside a multiple of {pages.size}")


def devices_have_one_guest(scope: Scope) -> Iterator[Mistake]:
    """Refuse a device of a host in two guests, and pass-through without an IOMMU."""
    first: dict[tuple[str, str], str] = {}
    for host_name, host, name, guest in _stated(scope):
        for index, device in enumerate(guest.pci):
            path = ("guests", name, "pci", index)
            if host.kvm is not None and not host.kvm.iommu:
                reason = f"needs the IOMMU of host {host_name}, which is off"
                yield Mistake(path, reason, f"write `iommu: true` under `kvm:` of host {host_name}")
            if (host_name, device) in first:
                owner = first[host_name, device]
                where = "is named twice" if owner == name else f"belongs to guest {owner} on host {host_name}"
                yield Mistake(path, where, "a device has one guest: take it out of one of the two places")
            first.setdefault((host_name, device), name)


def hypervisors_know_their_processor(scope: Scope) -> Iterator[Mistake]:
    """Refuse what KVM can only do if it is told whose processor it is, and devices kept without an IOMMU."""
    for name, host in scope.inventory.hosts.items():
        if host.kvm is None:
            continue
        path = ("hosts", name, "kvm")
        wanted = [key for key in ("nested", "iommu") if getattr(host.kvm, key)]
        if wanted and host.kvm.cpu is None:
            hint = "add `cpu: intel` or `cpu: amd` beside it"
            reason = "is set by a module of the processor's vendor, which is not named"
            yield Mistake((*path, wanted[0]), reason, hint)
        if host.kvm.vfio and not host.kvm.iommu:
            hint = "add `iommu: true` beside it"
            yield Mistake((*path, "vfio"), "need the IOMMU, which is off", hint, shows_value=False)


def firmware_exists(scope: Scope) -> Iterator[Mistake]:
    """Refuse a BIOS on machines of an architecture that never had one."""
    for name, host in scope.inventory.hosts.items():
        if host.system == "aarch64-linux" and host.boot.firmware == "bios":
            yield Mistake(("hosts", name, "boot", "firmware"), "does not exist on aarch64", "write uefi")


def hypervisors_are_pcs(scope: Scope) -> Iterator[Mistake]:
    """Refuse guests on machines that are not x86_64, for which guests are described."""
    for name, host in scope.inventory.hosts.items():
        if host.kvm is not None and host.system != "x86_64-linux":
            hint = "leave `kvm` out: such a host can hold pools, volumes and nodes of a cluster"
            yield Mistake(("hosts", name, "kvm"), "is for x86_64 alone, as guests are", hint, shows_value=False)


def groups_are_kept_apart(scope: Scope) -> Iterator[Mistake]:
    """Refuse two guests of one anti-affinity group on one host."""
    first: dict[tuple[str, str], str] = {}
    for host_name, _, name, guest in _stated(scope):
        for index, group in enumerate(guest.anti_affinity):
            key = (host_name, group)
            if first.get(key, name) != name:
                reason = f"is the group of guest {first[key]}, which is on host {host_name} as well"
                hint = "put one of them on another host"
                yield Mistake(("guests", name, "anti_affinity", index), reason, hint)
            first.setdefault(key, name)


def _stated(scope: Scope) -> Iterator[tuple[str, Host, str, Guest]]:
    """Give the guests whose host is written down and known, with it."""
    for name, guest in scope.inventory.guests.items():
        host = scope.inventory.hosts.get(guest.on)
        if host is not None:
            yield guest.on, host, name, guest


def _placed(scope: Scope) -> Iterator[tuple[str, Host, str, Guest]]:
    """Give the guests whose host is known, written down or found, with it."""
    for name, guest in scope.inventory.guests.items():
        host_name = scope.placement.get(name, "")
        host = scope.inventory.hosts.get(host_name)
        if host is not None:
            yield host_name, host, name, guest


def guests_anywhere_can_move(scope: Scope) -> Iterator[Mistake]:
    """Refuse `anywhere` for a guest that needs something of one host."""
    for name, guest in scope.inventory.guests.items():
        if guest.on != ANYWHERE:
            continue
        fixed = [disk_name for disk_name, disk in guest.all_disks.items() if disk.volume is None]
        if fixed:
            reason = f"needs disks that more than one host has, and disk {listed(fixed)} is not a volume"
            yield Mistake(("guests", name, "on"), reason, "name the host, or make the disk a DRBD volume")
        if guest.pci:
            reason = "needs a guest without devices of a host"
            yield Mistake(("guests", name, "on"), reason, "name the host, or leave `pci` out")
