"""Inventory → the health checks of every machine, as data. Nothing here asks a machine.

Each role of a machine brings its checks, and the inventory may declare more. The same ones are asked after a deploy, on
the living lab, and in tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.checks.base import base_checks
from pyhomelab.checks.check import NOT_HERE, NOT_JUDGED, Check
from pyhomelab.checks.declared import declared_checks
from pyhomelab.checks.drbd import drbd_checks
from pyhomelab.checks.findings import Finding, Verdict, objections, still_failing, worth_waiting_for
from pyhomelab.checks.k3s import k3s_checks
from pyhomelab.checks.kubeadm import kubeadm_checks
from pyhomelab.checks.kvm import kvm_checks
from pyhomelab.checks.network import network_checks
from pyhomelab.checks.upkeep import upkeep_checks
from pyhomelab.checks.zfs import zfs_checks
from pyhomelab.decide.overview import Overview

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pyhomelab.model import Inventory
    from pyhomelab.planning.waves import Group

__all__ = [
    "NOT_HERE",
    "NOT_JUDGED",
    "Check",
    "Finding",
    "Verdict",
    "checks_of",
    "group_checks",
    "objections",
    "still_failing",
    "worth_waiting_for",
]

_ROLES = (
    upkeep_checks,
    network_checks,
    zfs_checks,
    drbd_checks,
    kvm_checks,
    k3s_checks,
    kubeadm_checks,
    declared_checks,
)


def checks_of(inventory: Inventory, *, deep: bool = False) -> Mapping[str, tuple[Check, ...]]:
    """Give the checks of every machine, in the order in which one would look: from its boot up to what is declared.

    The deep ones are among them only if they are asked for.
    """
    overview = Overview(inventory)
    return {
        machine: tuple(check for check in _all(overview, machine) if deep or not check.deep)
        for machine in (*inventory.hosts, *inventory.guests)
    }


def group_checks(group: Group, checks: Iterable[Check]) -> tuple[Check, ...]:
    """Give those of a machine's checks that say whether it is a healthy member of a group."""
    return tuple(check for check in checks if check.role == group.kind and check.about == group.name)


def _all(overview: Overview, machine: str) -> Iterator[Check]:
    yield from base_checks(machine)
    for role in _ROLES:
        yield from role(overview, machine)
