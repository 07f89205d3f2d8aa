"""Names: each one means one thing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.rules.scope import Scope

_TAKEN = {
    "anywhere": "is the word for a guest that more than one host may run",
    "examples": "is the name of the folder hosts/examples/, which holds example labs",
    "localhost": "is what every machine calls itself",
    "secrets": "is the name of the folder hosts/secrets/, which holds the secrets",
}
_KERNEL_INTERFACE = re.compile("lo|eth[0-9]+|cni0|kube-ipvs0")
_SYSTEM_USERS = re.compile(
    "root|nobody|daemon|messagebus|nscd|sshd|tss|polkituser|qemu-libvirtd|sanoid|syncoid|syncoid-receiver|kubernetes|etcd|"
    "systemd-[a-z-]+|nixbld[0-9]*"
)


def machines_have_names_of_their_own(scope: Scope) -> Iterator[Mistake]:
    """Refuse a guest called like a host, and names that mean something else."""
    hosts = {*scope.inventory.hosts, *(name for section, name in scope.broken if section == "hosts")}
    for section, names in (("hosts", scope.inventory.hosts), ("guests", scope.inventory.guests)):
        for name in names:
            if name in _TAKEN:
                yield Mistake((section, name), _TAKEN[name], "call the machine something else", shows_value=False)
            if section == "guests" and name in hosts:
                yield Mistake(
                    (section, name),
                    "is the name of a host, too",
                    "machines find each other by name: rename one of the two",
                    shows_value=False,
                )


def networks_are_not_called_like_interfaces(scope: Scope) -> Iterator[Mistake]:
    """Refuse the names of networks that a guest could not give its network card."""
    for name in scope.inventory.networks:
        if name in {"all", "default"} or _KERNEL_INTERFACE.fullmatch(name):
            made = "is the name of an interface that Linux or Kubernetes makes by itself"
            yield Mistake(
                ("networks", name),
                "is a word for many interfaces at once to Linux" if name in {"all", "default"} else made,
                "call the network something else: guests name their network cards after it",
                shows_value=False,
            )


def admins_are_named_once(scope: Scope) -> Iterator[Mistake]:
    """Refuse two admins with one login, and logins of the system itself."""
    first: dict[str, int] = {}
    for index, admin in enumerate(scope.inventory.lab.admins):
        path = ("lab", "admins", index, "name")
        if _SYSTEM_USERS.fullmatch(admin.name):
            yield Mistake(path, "is an account of the system itself", "choose a login of the person's own")
        elif admin.name in first:
            yield Mistake(
                path,
                f"is the login of lab.admins[{first[admin.name]}], too",
                "write both sets of keys under one of them, or choose another login",
            )
        first.setdefault(admin.name, index)
