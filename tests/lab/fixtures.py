"""Test hosts for tests: three, started once for each process that runs tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.hosts import LabHost, lab
from tests.lab.needs import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("n1", "n2", "n3")


@pytest.fixture(scope="session")
def started_hosts() -> Iterator[dict[str, LabHost]]:
    """Three hosts for a whole test run; use `lab_hosts`, which hands them over whole."""
    if missing():
        pytest.skip(missing())
    with lab(NAMES) as hosts:
        yield hosts


@pytest.fixture
def lab_hosts(started_hosts: dict[str, LabHost]) -> dict[str, LabHost]:
    """The hosts n1, n2 and n3, up and reachable; their disks are as the tests before left them."""
    for host in started_hosts.values():
        host.power_on()
        host.restore_network()
    for host in started_hosts.values():
        host.reachable()
    return started_hosts


@pytest.fixture
def fresh_hosts(started_hosts: dict[str, LabHost]) -> dict[str, LabHost]:
    """The hosts n1, n2 and n3, up and reachable, as if nobody had ever used them."""
    for host in started_hosts.values():
        host.erase()
    return started_hosts
