"""Test hosts for tests: three, started once for each process that runs tests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.lab.disks import NEW
from tests.lab.hosts import LabHost, lab
from tests.lab.needs import missing, missing_for_systems
from tests.lab.systems import build, make_default, make_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("n1", "n2", "n3")
INSTALLED = "installed"


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
    return _put_back(started_hosts)


@pytest.fixture(scope="session")
def made_lab(started_hosts: dict[str, LabHost], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab of the three hosts as pyhomelab makes it; use `lab_directory`, which is a copy of one's own."""
    if missing_for_systems():
        pytest.skip(missing_for_systems())
    return make_lab(tmp_path_factory.mktemp("made") / "lab", started_hosts.values())


@pytest.fixture
def lab_directory(made_lab: Path, tmp_path: Path) -> Path:
    """A lab of n1, n2 and n3 whose machines can be built and brought to `lab_hosts`."""
    return shutil.copytree(made_lab, tmp_path / "lab")


@pytest.fixture(scope="session")
def first_systems(made_lab: Path, started_hosts: dict[str, LabHost]) -> dict[str, str]:
    """The store path of the system that each of `installed_hosts` runs first, by the host's name."""
    systems = {name: build(made_lab, name) for name in started_hosts}
    for name, host in _put_back(started_hosts).items():
        make_default(host, systems[name])
        host.save(INSTALLED)
    return systems


@pytest.fixture
def installed_hosts(first_systems: dict[str, str], started_hosts: dict[str, LabHost]) -> dict[str, LabHost]:
    """The hosts n1, n2 and n3, up and reachable, fresh from the installation of their machines of `lab_directory`."""
    assert first_systems.keys() == started_hosts.keys()
    return _put_back(started_hosts, INSTALLED)


def _put_back(hosts: dict[str, LabHost], name: str = NEW) -> dict[str, LabHost]:
    for host in hosts.values():
        host.put_back(name)
    for host in hosts.values():
        host.reachable()
    return hosts
