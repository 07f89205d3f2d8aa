"""Inventory → the `homelab.*` options of every machine.

Everything that needs to see two machines at once is decided here (addresses of peers, node ids, join order, who
receives whose snapshots), so that each machine gets plain data. Nothing here reads or writes files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.decide.clusters import cluster_options, vip_options
from pyhomelab.decide.guests import kvm_options
from pyhomelab.decide.machines import Machine, base_options, identity_options, shared_options
from pyhomelab.decide.network import network_options
from pyhomelab.decide.overview import Overview
from pyhomelab.decide.secrets import secret_options
from pyhomelab.decide.storage import system_disk_options, zfs_options
from pyhomelab.decide.volumes import drbd_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyhomelab.decide.options import Options
    from pyhomelab.model import Inventory

__all__ = ["Machine", "decide", "shared_options"]


def decide(inventory: Inventory) -> Iterator[Machine]:
    """Give every machine of the lab with its options, hosts first, in the order of the inventory.

    The options are grouped as they are best read: `default` (who the machine is and its roles), `network`,
    `storage`, `guests`. A guest is small enough for `default` alone.
    """
    overview = Overview(inventory)
    for name in inventory.hosts:
        yield Machine(name, identity_options(overview, name), _parts(overview, name))
    for name in inventory.guests:
        together = {concern: options for part in _parts(overview, name).values() for concern, options in part.items()}
        yield Machine(name, identity_options(overview, name), {"default": together})


def _parts(overview: Overview, name: str) -> dict[str, Options]:
    parts = {
        "default": _joined(overview, name, base_options, cluster_options, vip_options, secret_options),
        "network": network_options(overview, name),
        "storage": _joined(overview, name, system_disk_options, zfs_options, drbd_options),
        "guests": kvm_options(overview, name),
    }
    return {stem: options for stem, options in parts.items() if options}


def _joined(overview: Overview, name: str, *concerns: Callable[[Overview, str], Options]) -> Options:
    return {concern: options for decided in concerns for concern, options in decided(overview, name).items()}
