"""The hosts that the tests of this folder run on; tests elsewhere import them from tests.lab.fixtures."""

from tests.lab.clusters import cluster, started_kubernetes
from tests.lab.fixtures import (
    first_systems,
    fresh_hosts,
    installed_hosts,
    lab_directory,
    lab_hosts,
    made_lab,
    started_hosts,
)
from tests.lab.mirrors import pytest_collection_modifyitems, pytest_terminal_summary
from tests.lab.newcomers import newcomer

__all__ = [
    "cluster",
    "first_systems",
    "fresh_hosts",
    "installed_hosts",
    "lab_directory",
    "lab_hosts",
    "made_lab",
    "newcomer",
    "pytest_collection_modifyitems",
    "pytest_terminal_summary",
    "started_hosts",
    "started_kubernetes",
]
