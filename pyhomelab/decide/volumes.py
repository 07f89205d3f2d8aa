"""DRBD volumes, as each of their hosts needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.allocation.identity import volume_minor, volume_port, volume_zvol
from pyhomelab.decide.options import Options, mib, size, stated

if TYPE_CHECKING:
    from pyhomelab.decide.overview import Overview
    from pyhomelab.model import Volume

_VOTES_FOR_A_MAJORITY = 3


def drbd_options(overview: Overview, host: str) -> Options:
    """Give `homelab.drbd` of a host that is a replica or a witness of a volume."""
    volumes = overview.inventory.volumes
    resources = {name: _resource(overview, host, name, volumes[name]) for name in overview.volumes_of.get(host, [])}
    if not resources:
        return {}
    return {"drbd": {"enable": True, "version": overview.inventory.lab.drbd_version, "resources": resources}}


def _resource(overview: Overview, host: str, name: str, volume: Volume) -> Options:
    backing = f"{volume.on}/{volume_zvol(name)}"
    members = [*volume.replicas, *filter(None, [volume.witness])]
    return stated(
        {
            "minor": volume_minor(name, volume),
            "port": volume_port(name, volume),
            "interface": overview.interface_in(host, volume.network).name,
            "protocol": volume.protocol,
            "quorum": quorum(volume),
            "onNoQuorum": volume.on_no_quorum if quorum(volume) == "majority" else None,
            "rate": f"{mib(volume.rate)}M" if volume.rate else None,
            "verify": volume.verify,
            "allowTwoPrimaries": volume.dual_primary or None,
            "sharedSecret": True,
            "backing": {"dataset": backing, "size": size(volume.size)} if host in volume.replicas else None,
            "hosts": {
                member: {
                    "nodeId": node_id,
                    "address": overview.address_in(member, volume.network),
                    "disk": f"/dev/zvol/{backing}" if member in volume.replicas else None,
                }
                for node_id, member in enumerate(members)
            },
        }
    )


def quorum(volume: Volume) -> str:
    """Give the quorum rule of a volume: as stated, else the majority that three votes allow."""
    votes = len(volume.replicas) + (volume.witness is not None)
    return volume.quorum or ("majority" if votes >= _VOTES_FOR_A_MAJORITY else "off")
