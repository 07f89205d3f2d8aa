"""The system disk and the ZFS pools of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.allocation.capacity import arc_max
from pyhomelab.allocation.identity import host_id
from pyhomelab.decide.options import Options, mib, size, stated
from pyhomelab.decide.overview import Overview, received_as

if TYPE_CHECKING:
    from pyhomelab.model import Dataset, Pool, Replication, SupportVdev, Vdev


def system_disk_options(overview: Overview, name: str) -> Options:
    """Give `homelab.systemDisk`: of a host as stated, of a guest its first virtual disk."""
    host = overview.inventory.hosts.get(name)
    if host is not None:
        boot = host.boot
        return {"systemDisk": _system_disk(boot.disk, boot.firmware, boot.filesystem, boot.swap)}
    guest = overview.inventory.guests[name]
    first = next(iter(guest.all_disks))
    return {"systemDisk": _system_disk(f"/dev/disk/by-id/virtio-{first}", guest.firmware, guest.filesystem, guest.swap)}


def _system_disk(device: str, firmware: str, filesystem: str, swap: int | None) -> Options:
    return stated(
        {
            "enable": True,
            "device": device,
            "firmware": firmware,
            "filesystem": filesystem,
            "swapSize": size(swap) if swap else None,
        }
    )


def zfs_options(overview: Overview, name: str) -> Options:
    """Give `homelab.zfs` of a machine that has a pool, a ZFS root, or receives snapshots."""
    inventory = overview.inventory
    host = inventory.hosts.get(name)
    if host is None:
        guest = inventory.guests[name]
        own = {"enable": True, "hostId": host_id(inventory.lab.name, name)}
        return {"zfs": own} if guest.filesystem == "zfs" else {}
    if not host.zfs and host.boot.filesystem != "zfs":
        return {}
    pools = {pool_name: _pool(overview, name, pool_name, pool) for pool_name, pool in host.zfs.items()}
    receives = [{"from": receipt.sender, "dataset": receipt.dataset} for receipt in overview.receipts_of.get(name, [])]
    return {
        "zfs": {
            "enable": True,
            "hostId": host.host_id or host_id(inventory.lab.name, name),
            "arcMaxMiB": mib(arc_max(host)),
            "scrub": host.zfs_scrub,
            "trim": host.zfs_trim,
            **stated({"mailTo": inventory.lab.email, "pools": pools, "receives": receives}),
        }
    }


def _pool(overview: Overview, host: str, name: str, pool: Pool) -> Options:
    return stated(
        {
            "vdevs": [_vdev(vdev) for vdev in pool.data_vdevs],
            "special": [_vdev(vdev) for vdev in pool.special],
            "log": [_vdev(vdev) for vdev in pool.log],
            "cache": list(pool.cache),
            "spares": list(pool.spares),
            "options": {"ashift": str(pool.ashift)},
            "properties": dict(pool.properties),
            "encrypted": pool.encrypted or None,
            "datasets": {
                path: _dataset(overview, host, name, path, dataset) for path, dataset in pool.datasets.items()
            },
        }
    )


def _vdev(vdev: Vdev | SupportVdev) -> Options:
    return {"layout": vdev.layout, "disks": list(vdev.disks)}


def _dataset(overview: Overview, host: str, pool: str, path: str, dataset: Dataset) -> Options:
    replica = dataset.replicate
    return stated(
        {
            "mountpoint": dataset.mountpoint,
            "properties": dict(dataset.properties),
            "quota": size(dataset.quota) if dataset.quota else None,
            "reservation": size(dataset.reservation) if dataset.reservation else None,
            "snapshots": dataset.snapshots.model_dump() if dataset.snapshots else None,
            "replicate": _replication(overview, host, received_as(host, pool, path, replica), replica)
            if replica
            else None,
        }
    )


def _replication(overview: Overview, sender: str, target: str, replica: Replication) -> Options:
    network = replica.network or _common_network(overview, sender, replica.host)
    return {
        "host": replica.host,
        "address": overview.address_in(replica.host, network),
        "dataset": target,
        "interval": replica.every,
    }


def _common_network(overview: Overview, sender: str, receiver: str) -> str:
    reachable = {i.network for i in overview.interfaces[sender]}
    return next(i.network for i in overview.interfaces[receiver] if i.network in reachable and i.is_static)
