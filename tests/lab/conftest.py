"""The hosts that the tests of this folder run on; tests elsewhere import them from tests.lab.fixtures."""

from tests.lab.fixtures import fresh_hosts, lab_hosts, started_hosts

__all__ = ["fresh_hosts", "lab_hosts", "started_hosts"]
