"""Clusters: who is in them, how many decide, and what would take all of them at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake
from pyhomelab.text.wording import near_miss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Cluster
    from pyhomelab.rules.scope import Path, Scope

_HYPERVISORS_TO_SPREAD = 3
_MOST_SERVERS = 5


def members_are_machines(scope: Scope) -> Iterator[Mistake]:
    """Refuse members that are neither hosts nor guests."""
    for path, member in _members(scope):
        yield from scope.unknown(path, member, "machine", "hosts", "guests")


def members_are_in_one_place(scope: Scope) -> Iterator[Mistake]:
    """Refuse a machine that is named twice, in one cluster or in two."""
    first: dict[str, Path] = {}
    for path, member in _members(scope):
        if member in first:
            other = first[member]
            if other[1] != path[1]:
                reason, hint = (
                    f"is in cluster {other[1]} already",
                    "a machine is in one cluster: leave one of them",
                )
            elif other[2] != path[2]:
                reason, hint = (
                    "is a server of this cluster already",
                    "a server runs pods, too: leave it out here",
                )
            else:
                reason, hint = "is named twice", "name each machine once"
            yield Mistake(path, reason, hint)
        first.setdefault(member, path)


def servers_can_vote(scope: Scope) -> Iterator[Mistake]:
    """Refuse an even number of servers: one more can fail the cluster, and none more may fail."""
    for name, cluster in scope.inventory.clusters.items():
        count = len(cluster.servers)
        if count % 2 == 0:
            may_fail = (count - 1) // 2
            reason = f"are {count}, of which {may_fail or 'none'} may fail, as of {count - 1}"
            hint = f"name {count - 1} or {count + 1} servers; the others can be agents"
            yield Mistake(("clusters", name, "servers"), reason, hint, shows_value=False)
        elif count > _MOST_SERVERS:
            reason = f"are {count}, and every write waits for most of them"
            hint = "name 3 or 5 servers; the others can be agents"
            yield Mistake(("clusters", name, "servers"), reason, hint, shows_value=False)


def servers_do_not_fall_together(scope: Scope) -> Iterator[Mistake]:
    """Refuse servers on one host that together are a majority, where there are hosts to spread them over."""
    hypervisors = sum(host.kvm is not None for host in scope.inventory.hosts.values())
    for name, cluster in scope.inventory.clusters.items():
        hosts = [scope.host_of(server) for server in cluster.servers]
        if len(hosts) < _HYPERVISORS_TO_SPREAD or None in hosts:
            continue
        host, count = Counter(hosts).most_common(1)[0]
        path = ("clusters", name, "servers")
        if count == len(hosts):
            reason = f"are all on host {host}, and fall with it"
            hint = "one server does as much there; three want three hosts"
            yield Mistake(path, reason, hint, shows_value=False)
        elif count > (len(hosts) - 1) // 2 and hypervisors >= _HYPERVISORS_TO_SPREAD:
            reason = f"lose their majority with host {host}, which has {count} of {len(hosts)}"
            yield Mistake(path, reason, "spread them over more hosts", shows_value=False)


def labels_and_taints_are_of_members(scope: Scope) -> Iterator[Mistake]:
    """Refuse labels and taints of machines that are not in the cluster."""
    for name, cluster in scope.inventory.clusters.items():
        for key, named in (("labels", cluster.labels), ("taints", cluster.taints)):
            for machine in named:
                if machine not in cluster.members:
                    hint = near_miss(machine, cluster.members, kind="member")
                    path = ("clusters", name, key, machine)
                    yield Mistake(path, f"is not in cluster {name}", hint, shows_value=False)


def _members(scope: Scope) -> Iterator[tuple[Path, str]]:
    for name, cluster in scope.inventory.clusters.items():
        yield from members_of(name, cluster)


def members_of(name: str, cluster: Cluster) -> Iterator[tuple[Path, str]]:
    """Give the members of a cluster, servers first, with where each is named."""
    for key, members in (("servers", cluster.servers), ("agents", cluster.agents)):
        for index, member in enumerate(members):
            yield ("clusters", name, key, index), member
