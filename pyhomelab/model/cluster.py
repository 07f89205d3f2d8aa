"""Kubernetes clusters of hosts and guests."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field

from pyhomelab.model.base import Called, Cidr, IpAddress, Matching, Model, Name, Text
from pyhomelab.model.lab import Domain

KUBERNETES_VERSIONS = ("1.34", "1.35", "1.36")
"""Minors that the add-ons of a home lab agree on; 1.35 is the newest that all of them name."""

Component = Literal["coredns", "metrics-server", "traefik", "servicelb", "local-storage"]
LabelKey = Annotated[
    str,
    Matching(
        r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?",
        "is not a label key of Kubernetes",
        "write it like disk or example.org/disk",
    ),
    Called("label", "example.org/disk"),
]
LabelValue = Annotated[
    str,
    Matching(
        r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?",
        "is not a label value of Kubernetes",
        "at most 63 letters, digits, dots, hyphens and underscores",
    ),
    Called("value of a label", "ssd"),
]
Taint = Annotated[
    str,
    Matching(
        r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
        r"(?:=[A-Za-z0-9_.-]{0,63})?:(?:NoSchedule|PreferNoSchedule|NoExecute)",
        "is not a taint of Kubernetes",
        "write it like dedicated=storage:NoSchedule",
    ),
    Called("taint", "dedicated=storage:NoSchedule"),
]
Registry = Annotated[
    str,
    Matching(r"\*|[A-Za-z0-9.-]+(?::[0-9]{1,5})?", "is not a registry", "write it like docker.io"),
    Called("registry", "docker.io"),
]
Url = Annotated[
    str,
    Matching(r"https?://[^\s\x00-\x1f]+", "is not an http(s) address", "write it like https://mirror.home.arpa"),
    Called("URL", "https://mirror.home.arpa"),
]


class Cluster(Model):
    """A Kubernetes cluster; its join token is a secret, never a line of the inventory."""

    distribution: Literal["k3s", "kubeadm"] = Field(title="Distribution", description="k3s, or upstream by kubeadm.")
    version: Literal["1.34", "1.35", "1.36"] = Field(
        "1.35", title="Version", description="Kubernetes minor; raised one at a time."
    )
    servers: tuple[Name, ...] = Field(
        title="Servers",
        description="Hosts or guests of the control plane: 1, 3 or 5. The first founds the cluster.",
        examples=[["k8s-1", "k8s-2", "k8s-3"]],
        min_length=1,
    )
    agents: tuple[Name, ...] = Field(
        (), title="Agents", description="Hosts or guests that only run pods.", examples=[["k8s-4"]]
    )
    network: Name | None = Field(
        None,
        title="Network",
        description="Where the nodes talk; by default that of the VIP or the first in common.",
        examples=["lan"],
    )
    vip: IpAddress | None = Field(
        None,
        title="Virtual IP",
        description="Address of the API that moves to a living server (by keepalived).",
        examples=["192.168.10.50"],
    )
    pod_cidr: Cidr = Field(
        ip_network("10.42.0.0/16"), title="Pod CIDR", description="Addresses of pods.", examples=["10.42.0.0/16"]
    )
    service_cidr: Cidr = Field(
        ip_network("10.43.0.0/16"),
        title="Service CIDR",
        description="Addresses of services.",
        examples=["10.43.0.0/16"],
    )
    cluster_domain: Domain = Field(
        "cluster.local",
        title="Cluster domain",
        description="DNS domain of services inside the cluster.",
        examples=["cluster.local"],
    )
    pod_network: Literal["flannel", "none"] = Field(
        "flannel", title="Pod network", description="none leaves it to you (Cilium, Calico, …)."
    )
    components: tuple[Component, ...] = Field(
        ("coredns",),
        title="Components",
        description="Bundled parts of k3s to run; all others are switched off.",
        examples=[["coredns", "metrics-server"]],
    )
    labels: dict[Name, dict[LabelKey, LabelValue]] = Field(
        {}, title="Labels", description="Node labels by machine.", examples=[{"k8s-1": {"example.org/disk": "ssd"}}]
    )
    taints: dict[Name, tuple[Taint, ...]] = Field(
        {},
        title="Taints",
        description="Node taints by machine.",
        examples=[{"k8s-4": ["dedicated=storage:NoSchedule"]}],
    )
    registry_mirrors: dict[Registry, Annotated[tuple[Url, ...], Field(min_length=1)]] = Field(
        {}, title="Registry mirrors", description="Where images of a registry are fetched instead."
    )
    extra_flags: tuple[Text, ...] = Field(
        (),
        title="Extra flags",
        description="For `k3s server` and `k3s agent`, or for kubeadm's kubelet (--name=value).",
        examples=[["--kubelet-arg=max-pods=60"]],
    )
    tls_names: tuple[Domain, ...] = Field(
        (), title="TLS names", description="Further names of the API server.", examples=[["k8s.home.arpa"]]
    )

    @property
    def members(self) -> tuple[str, ...]:
        """Servers, then agents."""
        return (*self.servers, *self.agents)
