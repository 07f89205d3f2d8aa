"""The inventory as a whole."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pyhomelab.model.base import Called, Matching, Model, Name
from pyhomelab.model.cluster import Cluster
from pyhomelab.model.guest import Guest
from pyhomelab.model.host import Host
from pyhomelab.model.lab import Lab
from pyhomelab.model.network import Net
from pyhomelab.model.secret import OwnSecret
from pyhomelab.model.volume import Volume

NetworkName = Annotated[
    str,
    Matching(
        "[a-z][a-z0-9-]{0,13}[a-z0-9]|[a-z]",
        "is not the name of a network",
        "use at most 15 lower-case letters, digits and hyphens: guests name their network cards after it",
    ),
    Called("name of at most 15 characters", "lan"),
]

SecretName = Annotated[
    str,
    Matching(
        "[a-z](?:[a-z0-9_-]{0,61}[a-z0-9])?",
        "is not the name of a secret",
        "use lower-case letters, digits, hyphens and underscores, beginning with a letter, at most 63 characters",
    ),
    Called("name of a secret", "backup-password"),
]


class Inventory(Model):
    """A lab: its machines, networks, volumes, guests, clusters and secrets."""

    lab: Lab = Field(title="Lab", description="What all machines have in common.")
    networks: dict[NetworkName, Net] = Field(title="Networks", description="IP networks by name.", min_length=1)
    hosts: dict[Name, Host] = Field(title="Hosts", description="Machines of bare metal by name.", min_length=1)
    volumes: dict[Name, Volume] = Field({}, title="Volumes", description="DRBD volumes by name.")
    guests: dict[Name, Guest] = Field({}, title="Guests", description="Virtual machines by name.")
    clusters: dict[Name, Cluster] = Field({}, title="Clusters", description="Kubernetes clusters by name.")
    secrets: dict[SecretName, OwnSecret] = Field(
        {},
        title="Secrets",
        description="Secrets of your own by name, and who reads each; `pyhomelab secret set` takes the values.",
    )
