"""Who a machine is, and what all machines share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.decide.options import Options, stated
from pyhomelab.decide.overview import Overview

if TYPE_CHECKING:
    from pyhomelab.model import Inventory


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of the lab: its name, and its options by the file that they belong in."""

    name: str
    parts: dict[str, Options]


def shared_options(inventory: Inventory) -> Options:
    """Give what every machine of the lab is told: its people, its time, and the names of all machines."""
    lab = inventory.lab
    return {
        "homelab": {
            "base": stated(
                {
                    "domain": lab.domain,
                    "timeZone": lab.timezone,
                    "ntpServers": list(lab.ntp),
                    "admins": {admin.name: {"sshKeys": list(admin.ssh_keys)} for admin in lab.admins},
                }
            ),
            "network": {"names": Overview(inventory).addresses},
        }
    }


def machine_options(overview: Overview, name: str) -> Options:
    """Give a machine's name, platform and release."""
    inventory = overview.inventory
    machine = overview.machine(name)
    on = inventory.hosts[overview.placement[name]] if name in inventory.guests else inventory.hosts[name]
    return {
        "networking": {"hostName": name},
        "nixpkgs": {"hostPlatform": on.system},
        "system": {"stateVersion": inventory.lab.state_version},
        "base": stated({"enable": True, "kernel": machine.kernel}),
    }
