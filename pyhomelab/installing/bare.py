"""A machine that is to be installed, asked what it is made of, what runs on it, and whose its disks are."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pyhomelab.facts import answer as hostfacts
from pyhomelab.installing import standing
from pyhomelab.installing.meant import Seen

if TYPE_CHECKING:
    from pyhomelab.installing.standing import Standing
    from pyhomelab.machines.targets import Target
    from pyhomelab.shell.network import Network

_PATIENCE = 90.0


def look(network: Network, target: Target) -> Seen:
    """Ask a machine, as root, all that its disks are judged by; raises HostFailed."""
    with closing(network.open(target, as_root=True)) as shell:
        facts = hostfacts.facts_of(target.name, shell.run(hostfacts.SCRIPT, timeout=_PATIENCE))
        return Seen(facts, standing.standing_of(target.name, shell.run(standing.SCRIPT, timeout=_PATIENCE)))


def what_runs(network: Network, target: Target) -> Standing:
    """Ask a machine what runs on it; raises HostFailed."""
    with closing(network.open(target, as_root=True)) as shell:
        return standing.standing_of(target.name, shell.run(standing.SCRIPT, timeout=_PATIENCE))
