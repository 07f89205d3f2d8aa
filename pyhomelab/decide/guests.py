"""The virtual machines of a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.allocation.identity import guest_mac, guest_uuid, guest_zvol
from pyhomelab.allocation.placement import bridged_networks
from pyhomelab.decide.options import Options, mib, size, stated
from pyhomelab.model.units import MiB

if TYPE_CHECKING:
    from pyhomelab.decide.overview import Overview
    from pyhomelab.model import Guest, GuestDisk, Kvm

_PAGES = {"2MiB": ("2M", 2 * MiB), "1GiB": ("1G", 1024 * MiB)}


def kvm_options(overview: Overview, host: str) -> Options:
    """Give `homelab.kvm` of a host that runs guests."""
    inventory = overview.inventory
    kvm = inventory.hosts[host].kvm if host in inventory.hosts else None
    if kvm is None:
        return {}
    bridges = bridged_networks(inventory, host)
    return {
        "kvm": stated(
            {
                "enable": True,
                "cpuVendor": kvm.cpu,
                "nested": kvm.nested or None,
                "iommu": kvm.iommu or None,
                "vfioIds": list(kvm.vfio),
                "hugepages": _hugepages(kvm),
                "bridges": sorted(set(bridges.values())),
                "guests": {
                    name: _guest(overview, name, inventory.guests[name], kvm, bridges)
                    for name in overview.guests_of.get(host, [])
                },
            }
        )
    }


def _hugepages(kvm: Kvm) -> Options | None:
    if kvm.hugepages is None:
        return None
    name, page = _PAGES[kvm.hugepages.size]
    return {"size": name, "count": -(-kvm.hugepages.total // page)}


def _guest(overview: Overview, name: str, guest: Guest, kvm: Kvm, bridges: dict[str, str]) -> Options:
    lab = overview.inventory.lab.name
    return stated(
        {
            "uuid": guest_uuid(lab, name),
            "cpus": guest.cpus,
            "memoryMiB": mib(guest.memory),
            "cpuModel": guest.cpu_model or kvm.cpu_model,
            "firmware": guest.firmware,
            "hugepages": guest.hugepages or None,
            "autostart": None if guest.autostart else False,
            "disks": [_disk(name, disk_name, disk) for disk_name, disk in guest.all_disks.items()],
            "interfaces": [
                {
                    "name": network,
                    "bridge": bridges[network],
                    "mac": link.mac or guest_mac(lab, name, network),
                }
                for network, link in guest.links.items()
            ],
            "pci": list(guest.pci),
        }
    )


def disk_source(guest: str, name: str, disk: GuestDisk) -> str:
    """Give the device or the file on the host that is a guest's disk."""
    if disk.volume is not None:
        return f"/dev/drbd/by-res/{disk.volume}/0"
    return disk.file if disk.file is not None else f"/dev/zvol/{disk.on}/{guest_zvol(guest, name)}"


def _disk(guest: str, name: str, disk: GuestDisk) -> Options:
    source = disk_source(guest, name, disk)
    if disk.volume is not None:
        return {
            "name": name,
            "kind": "drbd",
            "source": source,
            "resource": disk.volume,
        }
    wanted = size(disk.size) if disk.size else None
    if disk.file is not None:
        image = "qcow2" if disk.file.endswith(".qcow2") else "raw"
        return {"name": name, "kind": "file", "source": source, "size": wanted, "format": image}
    return {
        "name": name,
        "kind": "zvol",
        "source": source,
        "dataset": source.removeprefix("/dev/zvol/"),
        "size": wanted,
    }
