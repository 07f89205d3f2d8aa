"""Who a machine is, and what all machines share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.decide.options import Options, stated
from pyhomelab.decide.overview import Overview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyhomelab.model import Inventory


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of the lab: its name, the NixOS options that say so, and its `homelab` options by their file."""

    name: str
    identity: Options
    parts: dict[str, Options]


def shared_options(inventory: Inventory, trusted_keys: Sequence[str] = ()) -> Options:
    """Give what every machine is told: its people, its time, whose builds it takes, and the names of all machines."""
    lab = inventory.lab
    return {
        "base": stated(
            {
                "domain": lab.domain,
                "timeZone": lab.timezone,
                "ntpServers": list(lab.ntp),
                "admins": {admin.name: {"sshKeys": list(admin.ssh_keys)} for admin in lab.admins},
                "trustedKeys": list(trusted_keys),
            }
        ),
        "network": {"names": Overview(inventory).addresses},
    }


def identity_options(overview: Overview, name: str) -> Options:
    """Give the NixOS options that say who a machine is: its name, platform and release."""
    inventory = overview.inventory
    on = inventory.hosts[overview.placement[name]] if name in inventory.guests else inventory.hosts[name]
    return {
        "networking": {"hostName": name},
        "nixpkgs": {"hostPlatform": on.system},
        "system": {"stateVersion": inventory.lab.state_version},
    }


def base_options(overview: Overview, name: str) -> Options:
    """Give `homelab.base` of a machine."""
    hardware = "kvm-guest" if name in overview.inventory.guests else None
    return {"base": stated({"enable": True, "hardware": hardware, "kernel": overview.machine(name).kernel})}
