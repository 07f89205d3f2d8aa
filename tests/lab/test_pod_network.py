"""The pod network that the first server of a cluster puts in, taken by a real API server and its controllers.

Kubernetes is 1.20 here, older than the one that NixOS brings: what came to be since then is not shown, such as the
admission of pods by the label of their namespace. The schemas of the version that is brought are asked in
tests/modules/test_kubeadm.py. There is no kubelet, so no container runs.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.lab.clusters import needs_kubernetes
from tests.lab.patience import wait_for
from tests.lab.store import fill
from tests.modules.harness import script
from tests.modules.test_kubeadm import FIRST, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.clusters import Cluster

pytestmark = needs_kubernetes

FLANNEL = "/api/v1/namespaces/kube-flannel/configmaps/flannel"
POD_NETWORK = "homelab-kubeadm-pod-network"
_KUBECTL = '#!/bin/sh\nexec /usr/bin/kubectl "$@"\n'
# Which package of Debian holds the programs of one of nixpkgs; of those without, the pod network needs nothing.
_PACKAGES: dict[str, tuple[str, ...]] = {
    "bash": ("bash",),
    "coreutils": ("coreutils",),
    "findutils": ("findutils",),
    "gnugrep": ("grep",),
    "gnused": ("sed",),
    "systemd": ("systemd",),
    **dict.fromkeys(("conntrack-tools", "cri-tools", "curl", "ethtool", "iproute2", "iptables"), ()),
    **dict.fromkeys(("kmod", "kubectl", "kubernetes", "openssl", "socat", "util-linux"), ()),
}


def put_in_place(cluster: Cluster, change: Callable[[str], str] = str) -> str:
    """Run the unit of the pod network until it is done, or has failed; gives what it says of itself."""
    text = ask(FIRST, f'config.systemd.units."{POD_NETWORK}.service".text')
    server = cluster.hosts["n1"]
    fill(server.disk, [text], _PACKAGES, {"kubectl": {"kubectl": _KUBECTL}}, change)
    (server.disk / f"etc/systemd/system/{POD_NETWORK}.service").write_text(text)
    began = server.said("date +%s")
    server.run(f"systemctl daemon-reload && systemctl restart {POD_NETWORK}")
    ended = f"systemctl show --property=SubState {POD_NETWORK} | grep -qE '=(dead|failed|auto-restart)$'"
    server.run(f"until {ended}; do sleep 0.2; done; systemctl stop {POD_NETWORK}")
    return server.said(
        f"journalctl --quiet --output=cat --since=@{began} --unit={POD_NETWORK} --identifier=kubectl --identifier={POD_NETWORK}"
    )


def manifest() -> tuple[str, list[dict[str, Any]]]:
    """The path and the objects of what the unit hands over."""
    text = script(ask(FIRST, f'config.systemd.units."{POD_NETWORK}.service".text'))
    found = re.search(r"^manifest=(\S+)$", text, re.MULTILINE)
    assert found
    return found[1], json.loads(script(found[1]))["items"]


def lacking(stored: Any, given: Any, path: str = "") -> list[str]:
    """Where what is stored does not hold what was given."""
    if isinstance(given, dict) and isinstance(stored, dict):
        return [one for key, value in given.items() for one in lacking(stored.get(key), value, f"{path}.{key}")]
    if isinstance(given, list) and isinstance(stored, list) and len(given) == len(stored):
        return [one for index, value in enumerate(given) for one in lacking(stored[index], value, f"{path}[{index}]")]
    return [] if stored == given else [path]


def test_the_pod_network_is_taken_whole_and_every_node_gets_its_pod(cluster: Cluster) -> None:
    path, items = manifest()

    assert put_in_place(cluster).splitlines() == [
        "namespace/kube-flannel serverside-applied",
        "serviceaccount/flannel serverside-applied",
        "clusterrole.rbac.authorization.k8s.io/flannel serverside-applied",
        "clusterrolebinding.rbac.authorization.k8s.io/flannel serverside-applied",
        "configmap/flannel serverside-applied",
        "daemonset.apps/flannel serverside-applied",
    ]

    stored = json.loads(cluster.kubernetes.kubectl(f"get --filename={path} -o json").stdout)["items"]
    assert [lacking(one, given) for one, given in zip(stored, items, strict=True)] == [[]] * 6
    wait_for(lambda: all(len(cluster.pods(node, "kube-flannel")) == 1 for node in ("n1", "n2")))


def test_the_pod_network_is_put_in_a_second_time_without_a_change_and_a_change_by_hand_is_undone(
    cluster: Cluster,
) -> None:
    put_in_place(cluster)
    path, items = manifest()
    versions = f"get --filename={path} -o jsonpath='{{.items[:5].metadata.resourceVersion}}'"
    before = cluster.kubernetes.kubectl(versions).stdout
    put_in_place(cluster)
    assert cluster.kubernetes.kubectl(versions).stdout == before

    cluster.kubernetes.change(FLANNEL, {"data": {"net-conf.json": "{}", "added": "by hand"}})
    put_in_place(cluster)

    (wanted,) = [item["data"] for item in items if item["kind"] == "ConfigMap"]
    assert cluster.kubernetes.get(FLANNEL)["data"] == wanted | {"added": "by hand"}


def test_a_field_that_kubernetes_does_not_know_is_refused_by_kubectl_and_by_the_server(cluster: Cluster) -> None:
    said = put_in_place(cluster, lambda text: text.replace('"hostNetwork":', '"hostNetworking":'))

    place = "ValidationError(DaemonSet.spec.template.spec)"
    assert f'{place}: unknown field "hostNetworking" in io.k8s.api.core.v1.PodSpec' in said
    path, _ = manifest()
    words = f"apply --server-side --force-conflicts --validate=false --filename={path}"
    refused = cluster.kubernetes.kubectl(words, check=False)
    assert refused.returncode != 0
    assert ".spec.template.spec.hostNetworking: field not declared in schema" in refused.stderr
