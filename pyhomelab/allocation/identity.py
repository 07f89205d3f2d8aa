"""What follows from a name alone, so that it stays when other parts of the inventory come and go."""

from __future__ import annotations

import uuid
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyhomelab.model import Inventory, Replication, Volume

_MINORS = 1000
_FIRST_PORT = 17000  # below what Linux hands out to clients (32768), above what services use by habit
_ROUTER_IDS = 255  # VRRP, RFC 5798: 1 to 255
_GUESTS = uuid.UUID("c0d4fa3a-3f5a-5d29-8d3b-3d7a9f1c5b0e")


def _number(*words: str) -> int:
    return int.from_bytes(sha256("\0".join(words).encode()).digest()[:8], "big")


def host_id(lab: str, host: str) -> str:
    """Give the eight hexadecimal digits by which ZFS knows the host that uses a pool; never all zeros."""
    return f"{_number('host id', lab, host) % 0xFFFF_FFFF + 1:08x}"


def guest_mac(lab: str, guest: str, network: str) -> str:
    """Give a guest's MAC address on a network, in the range 52:54:00 that QEMU uses."""
    number = _number("mac", lab, guest, network)
    return "52:54:00:" + ":".join(f"{number >> shift & 0xFF:02x}" for shift in (16, 8, 0))


def guest_uuid(lab: str, guest: str) -> str:
    """Give the UUID of a guest's libvirt domain (version 5, RFC 9562)."""
    return str(uuid.uuid5(_GUESTS, f"{lab}/{guest}"))


def volume_minor(name: str, volume: Volume) -> int:
    """Give the number of a DRBD device: the stated one, else one that the name alone decides."""
    return volume.minor if volume.minor is not None else _number("drbd", name) % _MINORS


def volume_port(name: str, volume: Volume) -> int:
    """Give the TCP port of a DRBD volume, the same on all its hosts."""
    return _FIRST_PORT + volume_minor(name, volume)


def guest_zvol(guest: str, disk: str) -> str:
    """Give the dataset of a guest's disk, below its pool."""
    return f"guests/{guest}-{disk}"


def volume_zvol(name: str) -> str:
    """Give the dataset of a DRBD volume's replica, below its pool."""
    return f"drbd/{name}"


def received_dataset(sender: str, pool: str, dataset: str, replica: Replication) -> str:
    """Give the dataset in which a host receives another's snapshots, below the receiving pool."""
    return replica.dataset or f"replica/{sender}/{pool}/{dataset}"


def router_id(cluster: str) -> int:
    """Give the VRRP router id of a cluster's virtual address, from 1 to 255."""
    return _number("vrrp", cluster) % _ROUTER_IDS + 1


def host_ids(inventory: Inventory) -> dict[str, str]:
    """Give the host id of every machine, stated or derived."""
    lab = inventory.lab.name
    stated = {name: host.host_id or host_id(lab, name) for name, host in inventory.hosts.items()}
    return stated | {name: host_id(lab, name) for name in inventory.guests}
