"""Inventory → the Kubernetes nodes that go down with a machine, and who can be asked to empty them first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyhomelab.allocation.placement import place

if TYPE_CHECKING:
    from pyhomelab.model import Inventory


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a cluster, and the servers of the cluster that stay up while it is away, in the order to ask them."""

    name: str
    cluster: str
    distribution: Literal["k3s", "kubeadm"]
    servers: tuple[str, ...]


def nodes_taken_down(inventory: Inventory, machine: str) -> list[Node]:
    """Give the nodes that are down while a machine restarts: itself and its guests, agents before servers.

    A node without `servers` is in a cluster whose only servers go down with it: nobody can be asked to empty it.
    """
    down = {machine, *(guest for guest, host in place(inventory).items() if host == machine)}
    return [
        Node(name, cluster_name, cluster.distribution, tuple(s for s in cluster.servers if s not in down))
        for cluster_name, cluster in inventory.clusters.items()
        for name in (*cluster.agents, *cluster.servers)
        if name in down
    ]
