"""Which secrets a lab needs, what each is for, and which machines read it.

The names are those under which the NixOS modules ask for them (`homelab.secrets.needed`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import Inventory

Kind = Literal[
    "SSH host key",
    "ZFS key",
    "SSH key pair",
    "passphrase",
    "k3s token",
    "k3s agent token",
    "kubeadm token",
    "certificate key",
    "own secret",
]
_REPLACING: dict[Kind, str] = {
    "SSH host key": "the machine has the old one until it is installed anew, and opens no secret made for the new",
    "ZFS key": "the pool opens with the old key alone",
    "SSH key pair": "replication stops until the sender and its receivers all have the new one",
    "passphrase": "hosts that run with the old one and hosts that have the new one refuse each other",
    "k3s token": "a running cluster is encrypted with the old one, and its servers do not start with another",
    "k3s agent token": "agents with the old one are turned away by servers that have the new one",
    "kubeadm token": "machines with the old one are turned away when they join",
    "certificate key": "servers with the old one cannot read the CA when they join",
    "own secret": "programs that have read the old one keep it until they are started anew",
}
_HOST_KEY = "ssh-host-"


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of the lab: `secrets/<name>.yaml`, encrypted for the admins and the machines in `hosts`."""

    name: str
    used_for: str
    kind: Kind
    hosts: tuple[str, ...]

    @property
    def public(self) -> str | None:
        """The file with the public half, where there is one: `syncoid-dl1.pub`, `hosts/dl1.pub`."""
        if self.kind == "SSH host key":
            return f"hosts/{self.owner}.pub"
        return f"{self.owner}.pub" if self.kind == "SSH key pair" else None

    @property
    def owner(self) -> str:
        """Whose key it is, for one that has a public half: `dl1` of a host key, `syncoid-dl1` of a sender."""
        return self.name.removeprefix(_HOST_KEY) if self.kind == "SSH host key" else self.name.removesuffix("-ssh-key")

    @property
    def made_by(self) -> str:
        """The command that makes the file of a missing one."""
        return f"pyhomelab secret {'set' if self.kind == 'own secret' else 'generate'} {self.name}"

    @property
    def replacing(self) -> str:
        """What goes wrong when a value in use is replaced."""
        return _REPLACING[self.kind]


def host_key_of(machine: str) -> Secret:
    """Give the secret that is a machine's SSH host key. It is for the admins alone: they put it there."""
    return Secret(f"{_HOST_KEY}{machine}", f"the host key that {machine} gets when it is installed", "SSH host key", ())


def host_keys_of(inventory: Inventory) -> list[Secret]:
    """List the host keys of all machines, hosts first. One that makes its own when it is installed needs none."""
    return [host_key_of(machine) for machine in (*inventory.hosts, *inventory.guests)]


def secrets_of(inventory: Inventory) -> list[Secret]:
    """List the secrets that machines of a judged inventory read: of hosts, volumes, clusters, and the lab's own."""
    return [*_of_hosts(inventory), *_of_volumes(inventory), *_of_clusters(inventory), *_own(inventory)]


def _own(inventory: Inventory) -> Iterator[Secret]:
    for name, secret in inventory.secrets.items():
        yield Secret(name, secret.used_for, "own secret", secret.machines)


def _of_hosts(inventory: Inventory) -> Iterator[Secret]:
    for host_name, host in inventory.hosts.items():
        for pool_name, pool in host.zfs.items():
            if pool.encrypted:
                name = f"zfs-{host_name}-{pool_name}"
                yield Secret(name, f"the key of the encrypted pool {pool_name}", "ZFS key", (host_name,))
        datasets = [dataset for pool in host.zfs.values() for dataset in pool.datasets.values()]
        receivers = dict.fromkeys(dataset.replicate.host for dataset in datasets if dataset.replicate is not None)
        if receivers:
            used_for = f"sending snapshots to {listed(receivers)}"
            yield Secret(f"syncoid-{host_name}-ssh-key", used_for, "SSH key pair", (host_name,))


def _of_volumes(inventory: Inventory) -> Iterator[Secret]:
    for name, volume in inventory.volumes.items():
        used_for = f"the password between the hosts of the DRBD volume {name}"
        members = (*volume.replicas, *filter(None, [volume.witness]))
        yield Secret(f"drbd-{name}", used_for, "passphrase", members)


def _of_clusters(inventory: Inventory) -> Iterator[Secret]:
    for name, cluster in inventory.clusters.items():
        start = f"{cluster.distribution}-{name}"
        if cluster.distribution == "k3s":
            servers = f"servers of the k3s cluster {name} know each other by it"
            yield Secret(f"{start}-token", servers, "k3s token", cluster.servers)
            agents = f"agents join the k3s cluster {name} with it"
            yield Secret(f"{start}-agent-token", agents, "k3s agent token", cluster.members)
        else:
            joins = f"machines join the cluster {name} with it"
            yield Secret(f"{start}-token", joins, "kubeadm token", cluster.members)
            hand = f"servers hand the CA of the cluster {name} to a new server, encrypted with it"
            yield Secret(f"{start}-certificate-key", hand, "certificate key", cluster.servers)
