"""Secrets: each has a name of its own, and machines that read it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake
from pyhomelab.secrets.needed import host_keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.rules.scope import Path, Scope


def secrets_have_names_of_their_own(scope: Scope) -> Iterator[Mistake]:
    """Refuse entries whose names, joined, would make the same secret."""
    first: dict[str, str] = {}
    for path, owner, secret in (*_derived(scope), *_own(scope)):
        if secret in first:
            yield Mistake(
                path,
                f"would share the secret {secret} with {first[secret]}",
                "rename one of the two",
                shows_value=False,
            )
        first.setdefault(secret, owner)


def readers_of_secrets_are_machines(scope: Scope) -> Iterator[Mistake]:
    """Refuse readers that are neither hosts nor guests, and those named twice."""
    for name, secret in scope.inventory.secrets.items():
        times = Counter(secret.machines)
        for index, machine in enumerate(secret.machines):
            path = ("secrets", name, "machines", index)
            yield from scope.unknown(path, machine, "machine", "hosts", "guests")
            if times[machine] > 1 and secret.machines.index(machine) < index:
                yield Mistake(path, "is named twice", "name each machine once")


def _derived(scope: Scope) -> Iterator[tuple[Path, str, str]]:
    inventory = scope.inventory
    for name, host in inventory.hosts.items():
        for pool_name, pool in host.zfs.items():
            if pool.encrypted:
                owner = f"pool {pool_name} of host {name}"
                yield ("hosts", name, "zfs", pool_name), owner, f"zfs-{name}-{pool_name}"
        yield ("hosts", name), f"replication from host {name}", f"syncoid-{name}-ssh-key"
    for name in inventory.volumes:
        yield ("volumes", name), f"volume {name}", f"drbd-{name}"
    for key in dict.fromkeys(host_keys_of(inventory)):
        section = "hosts" if key.owner in inventory.hosts else "guests"
        yield (section, key.owner), f"the host key of {key.owner}", key.name
    for name, cluster in inventory.clusters.items():
        uses = ("token", "agent-token") if cluster.distribution == "k3s" else ("token", "certificate-key")
        for use in uses:
            yield ("clusters", name), f"cluster {name}", f"{cluster.distribution}-{name}-{use}"


def _own(scope: Scope) -> Iterator[tuple[Path, str, str]]:
    for name in scope.inventory.secrets:
        yield ("secrets", name), "an own secret", name
