"""The network between the hosts of a lab: a switch, cables that can be cut, and this machine plugged in too."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.lab import slots


def make_switch(lab: int, address: str) -> None:
    """A bridge in a namespace of its own, where this machine's firewall has no say; this machine gets `address`."""
    switch = slots.name(lab)
    _ip("netns", "add", switch)
    _ip("-n", switch, "link", "add", "switch", "type", "bridge")
    _ip("-n", switch, "link", "set", "switch", "up")
    _ip("link", "add", switch, "type", "veth", "peer", "name", "uplink", "netns", switch)
    _ip("-n", switch, "link", "set", "uplink", "master", "switch", "up")
    _ip("address", "add", address, "dev", switch)
    _ip("link", "set", switch, "up")


def plug_in(lab: int, host: str, address: str) -> None:
    """Give a host a network stack that remembers nothing of the boot before, with its cable in the switch."""
    switch, stack = slots.name(lab), slots.name(lab, host)
    if Path("/run/netns", stack).exists():
        _ip("-n", switch, "link", "delete", "dev", host)  # the stack's end goes when the kernel finds the time
        _ip("netns", "delete", stack)
    _ip("netns", "add", stack)
    _ip("-n", switch, "link", "add", "name", host, "type", "veth", "peer", "name", "eth0", "netns", stack)
    _ip("-n", switch, "link", "set", "dev", host, "master", "switch", "up")
    _ip("-n", stack, "link", "set", "lo", "up")
    # A card keeps its own over a reboot, and neighbours remember it.
    _ip("-n", stack, "link", "set", "eth0", "address", f"02:70:68:6c:{lab:02x}:{int(address.rpartition('.')[2]):02x}")
    _ip("-n", stack, "address", "add", f"{address}/24", "dev", "eth0")
    _ip("-n", stack, "link", "set", "eth0", "up")


def cut(lab: int, host: str) -> None:
    """Pull a host's cable out of the switch."""
    _ip("-n", slots.name(lab), "link", "set", "dev", host, "down")


def restore(lab: int, host: str) -> None:
    """Put a host's cable in again."""
    _ip("-n", slots.name(lab), "link", "set", "dev", host, "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
