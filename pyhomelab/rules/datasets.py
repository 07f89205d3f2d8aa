"""Datasets: their properties, their places, and the snapshots that are kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyhomelab.allocation.identity import guest_zvol, volume_zvol
from pyhomelab.errors import Mistake
from pyhomelab.text.wording import in_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Dataset, Host
    from pyhomelab.rules.scope import Path, Scope

_ENCRYPTED = "write `encrypted: true` at the pool"
_DATASET_KEYS = {
    "quota": "write `quota:` at the dataset",
    "reservation": "write `reservation:` at the dataset",
    "mountpoint": "write `mountpoint:` at the dataset",
    "encryption": _ENCRYPTED,
    "keyformat": _ENCRYPTED,
    "keylocation": _ENCRYPTED,
}
_POOL_KEYS = {
    "mountpoint": "write `mountpoint:` at a dataset of the pool",
    "encryption": _ENCRYPTED,
    "keyformat": _ENCRYPTED,
    "keylocation": _ENCRYPTED,
    "ashift": "write `ashift:` at the pool",
    "autotrim": "`zfs_trim:` of the host says when SSDs are trimmed",
}
_SYSTEM_PLACES = frozenset(
    f"/{place}" for place in ("", "bin", "boot", "dev", "etc", "nix", "nix/store", "proc", "run", "sys", "tmp", "usr")
)
_ROOT_POOL_PLACES = frozenset({"/home", "/var"})
_IN_MEMORY = ("/dev/", "/proc/", "/run/", "/sys/")
# NixOS mounts these before secrets are there
_BEFORE_KEYS = frozenset({"/var", "/var/lib", "/var/lib/nixos", "/var/log"})


class _Named(NamedTuple):
    path: Path
    host: str
    pool: str
    name: str
    dataset: Dataset


def properties_have_one_place(scope: Scope) -> Iterator[Mistake]:
    """Refuse properties that the inventory has a key for: two places would contradict each other."""
    for named in _datasets(scope):
        yield from _reserved((*named.path, "properties"), named.dataset.properties, _DATASET_KEYS)
    for name, host in scope.inventory.hosts.items():
        for pool_name, pool in host.zfs.items():
            path = ("hosts", name, "zfs", pool_name, "properties")
            yield from _reserved(path, pool.properties, _POOL_KEYS)


def _reserved(path: Path, properties: dict[str, str], reserved: dict[str, str]) -> Iterator[Mistake]:
    for key in properties:
        if key in reserved:
            yield Mistake((*path, key), "has a key of its own", reserved[key], shows_value=False)


def datasets_are_mounted_apart(scope: Scope) -> Iterator[Mistake]:
    """Refuse two datasets of a host in one place, and places that the system itself needs."""
    first: dict[tuple[str, str], str] = {}
    for named in _datasets(scope):
        if named.dataset.mountpoint is None:
            continue
        path, place = (*named.path, "mountpoint"), named.dataset.mountpoint.rstrip("/") or "/"
        key = (named.host, place)
        host = scope.inventory.hosts[named.host]
        if place in _system_places(host) or place.startswith(_IN_MEMORY):
            yield Mistake(path, "is where the system itself lies", "choose a place such as /srv/data")
        elif place in _BEFORE_KEYS and host.zfs[named.pool].encrypted:
            reason = "is mounted before the key of its encrypted pool can be read"
            yield Mistake(path, reason, "choose a place such as /srv/data, or a pool without encryption")
        elif key in first:
            hint = "give each dataset a place of its own"
            yield Mistake(path, f"is the mount point of dataset {first[key]}, too", hint)
        first.setdefault(key, f"{named.pool}/{named.name}")


def _system_places(host: Host) -> frozenset[str]:
    return _SYSTEM_PLACES | _ROOT_POOL_PLACES if host.boot.filesystem == "zfs" else _SYSTEM_PLACES


def snapshots_are_kept(scope: Scope) -> Iterator[Mistake]:
    """Refuse to make snapshots of which none is kept."""
    for named in _datasets(scope):
        snapshots = named.dataset.snapshots
        if snapshots is not None and not any(snapshots.model_dump().values()):
            hint = "keep at least one, or leave `snapshots` out"
            yield Mistake((*named.path, "snapshots"), "keep none", hint, shows_value=False)


def reservations_fit_quotas(scope: Scope) -> Iterator[Mistake]:
    """Refuse to reserve more for a dataset than it may hold."""
    for named in _datasets(scope):
        dataset = named.dataset
        if dataset.reservation is not None and dataset.quota is not None and dataset.reservation > dataset.quota:
            reason = f"is more than the quota of {in_units(dataset.quota)}"
            yield Mistake((*named.path, "reservation"), reason, "raise the quota, or reserve less")


def datasets_are_not_disks(scope: Scope) -> Iterator[Mistake]:
    """Refuse a dataset with the name under which a guest's disk or a volume's replica is made."""
    zvols = _zvols(scope)
    for named in _datasets(scope):
        owner = zvols.get((named.host, named.pool, named.name))
        if owner is not None:
            hint = "guests/ and drbd/ hold the disks that are made from the inventory: call it something else"
            yield Mistake(named.path, f"is the name under which {owner} is made", hint, shows_value=False)


def _zvols(scope: Scope) -> dict[tuple[str, str, str], str]:
    found = {}
    for host, guests in scope.guests_of.items():
        for name, guest in guests.items():
            for disk_name, disk in guest.all_disks.items():
                if disk.on is not None:
                    found[host, disk.on, guest_zvol(name, disk_name)] = f"disk {disk_name} of guest {name}"
    for name, volume in scope.inventory.volumes.items():
        for host in volume.replicas:
            found[host, volume.on, volume_zvol(name)] = f"volume {name}"
    return found


def _datasets(scope: Scope) -> Iterator[_Named]:
    for name, host in scope.inventory.hosts.items():
        for pool_name, pool in host.zfs.items():
            for dataset_name, dataset in pool.datasets.items():
                path = ("hosts", name, "zfs", pool_name, "datasets", dataset_name)
                yield _Named(path, name, pool_name, dataset_name, dataset)
