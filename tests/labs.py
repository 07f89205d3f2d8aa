"""A lab of three servers without a mistake, and ways to change it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from pyhomelab.model import Inventory
from pyhomelab.rules import judge
from pyhomelab.text.wording import quoted

REMOVED = object()
"""As a new value: the key is taken out."""

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c mika"

Changes = dict[str, Any]


def _disk(name: str) -> str:
    return f"/dev/disk/by-id/ata-{name}"


def _host(number: int) -> dict[str, Any]:
    return {
        "cpu_threads": "16",
        "memory": "36GiB",
        "boot": {"firmware": "bios", "disk": _disk(f"SYSTEM_{number}")},
        "links": {
            "eno1": {"bridge": "br-lan", "network": "lan", "address": f"192.168.10.1{number}"},
            "eno2": {"network": "storage", "address": f"10.10.20.1{number}"},
        },
        "zfs": {"tank": {"layout": "mirror", "disks": [_disk(f"DATA_{number}1"), _disk(f"DATA_{number}2")]}},
        "kvm": {},
    }


def _guest(number: int) -> dict[str, Any]:
    return {
        "on": f"dl{number}",
        "cpus": "4",
        "memory": "8GiB",
        "disk": {"size": "60GiB", "on": "tank"},
        "links": {"lan": {"address": f"192.168.10.2{number}"}},
    }


_LAB: dict[str, Any] = {
    "lab": {
        "name": "home",
        "domain": "home.arpa",
        "timezone": "Asia/Tokyo",
        "state_version": "26.05",
        "admins": [{"name": "mika", "ssh_keys": [KEY]}],
    },
    "networks": {
        "lan": {"cidr": "192.168.10.0/24", "gateway": "192.168.10.1", "dns": ["192.168.10.1"]},
        "storage": {"cidr": "10.10.20.0/24", "vlan": "20", "mtu": "9000"},
    },
    "hosts": {f"dl{number}": _host(number) for number in (1, 2, 3)},
    "volumes": {
        "vmstore": {
            "size": "200GiB",
            "on": "tank",
            "replicas": ["dl1", "dl2"],
            "witness": "dl3",
            "network": "storage",
        }
    },
    "guests": {f"k8s-{number}": _guest(number) for number in (1, 2, 3)},
    "clusters": {
        "home": {"distribution": "k3s", "servers": ["k8s-1", "k8s-2", "k8s-3"], "vip": "192.168.10.50"},
    },
}


def written(changes: Changes | None = None) -> dict[str, Any]:
    """Give the lab as an inventory file holds it, with changes such as {"hosts.dl1.memory": "8GiB"}.

    Later changes see earlier ones. A key that has dots of its own is changed with the mapping that holds it.
    """
    data = deepcopy(_LAB)
    for path, value in (changes or {}).items():
        *above, last = path.split(".")
        part = data
        for key in above:
            part = part.setdefault(key, {})
        if value is REMOVED:
            del part[last]
        else:
            part[last] = deepcopy(value)
    return data


def lab(changes: Changes | None = None) -> Inventory:
    """Give the lab as an inventory, with changes."""
    return Inventory.model_validate(written(changes))


def said(changes: Changes, broken: frozenset[tuple[str, str]] = frozenset()) -> list[str]:
    """Judge the lab with changes, and give what is said: `path: VALUE reason; hint`."""
    data = written(changes)
    lines = []
    for mistake in judge(Inventory.model_validate(data), broken):
        value = _at(data, mistake.path)
        shown = f"{quoted(value)} " if mistake.shows_value else ""
        dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in mistake.path)
        lines.append(f"{dotted.removeprefix('.')}: {shown}{mistake.reason}; {mistake.hint}")
    return lines


def _at(data: Any, path: tuple[str | int, ...]) -> Any:
    """Give what stands at a path; only the last key may be one that was not written."""
    for part in path[:-1]:
        data = data[part]
    return data[path[-1]] if isinstance(path[-1], int) else data.get(path[-1])
