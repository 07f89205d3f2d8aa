from __future__ import annotations

import json
from typing import Any

import pytest

from tests.modules.harness import needs_nixpkgs_lib
from tests.modules.sources import ROOT
from tests.modules.test_kubeadm import AGENT, FIRST, SERVER, ask

pytestmark = needs_nixpkgs_lib

_FIELDS = json.loads((ROOT / "tests/data/kubernetes/kubeadm-v1beta4.json").read_text())
_JSON_TYPES = {"string": str, "boolean": bool, "integer": int}


def mistakes(value: Any, kind: Any, path: str) -> list[str]:
    """Where `value` is not what kubeadm's type `kind` takes."""
    if isinstance(kind, list):
        if not isinstance(value, list):
            return [f"{path} is no list"]
        return [wrong for index, item in enumerate(value) for wrong in mistakes(item, kind[0], f"{path}[{index}]")]
    if isinstance(kind, dict):
        return [wrong for name, item in value.items() for wrong in mistakes(item, kind["*"], f"{path}.{name}")]
    if kind in _JSON_TYPES:
        return [] if type(value) is _JSON_TYPES[kind] else [f"{path} is no {kind}"]
    fields = _FIELDS[kind]
    unknown = [f"{path}.{name} is unknown" for name in value if name not in fields]
    return unknown + [
        wrong
        for name, item in value.items()
        if name in fields
        for wrong in mistakes(item, fields[name], f"{path}.{name}")
    ]


def documents(options: dict[str, str], name: str) -> dict[str, Any]:
    """The documents of a file for kubeadm by their kind."""
    text = ask(options, f'config.sops.templates."{name}".content')
    parts = [json.loads(part) for part in text.split("\n---\n")]
    return {part["kind"]: part for part in parts}


RICH = {
    "labels": '{ disk = "ssd"; zone = "a"; }',
    "taints": '[ "gpu=yes:NoSchedule" "node-role.kubernetes.io/control-plane:NoSchedule" ]',
    "extraFlags": '[ "--max-pods=200" ]',
    "tlsSans": '[ "k8s.home.arpa" ]',
    "caCertHashes": f'[ "sha256:{"0" * 64}" ]',
}


@pytest.mark.parametrize("file", ["kubeadm-init.yaml", "kubeadm-join.yaml"])
@pytest.mark.parametrize("more", [{}, RICH], ids=["plain", "rich"])
def test_every_field_is_one_that_kubeadm_knows(file: str, more: dict[str, str]) -> None:
    found = documents(FIRST | more, file)

    assert [wrong for kind, document in found.items() for wrong in mistakes(document, kind, kind)] == []


def test_a_field_kubeadm_does_not_know_is_noticed() -> None:
    init = documents(FIRST, "kubeadm-init.yaml")["InitConfiguration"]
    init["nodeRegistration"]["kubeletExtraArgs"] = {"node-ip": "192.168.10.22"}
    init["localAPIEndpoint"]["bindPort"] = "6443"
    init["bootstrapToken"] = {}

    assert mistakes(init, "InitConfiguration", "init") == [
        "init.bootstrapToken is unknown",
        "init.localAPIEndpoint.bindPort is no integer",
        "init.nodeRegistration.kubeletExtraArgs is no list",
    ]


def test_the_cluster_is_made_as_the_options_say() -> None:
    found = documents(FIRST | {"tlsSans": '[ "k8s.home.arpa" ]'}, "kubeadm-init.yaml")

    assert list(found) == ["InitConfiguration", "ClusterConfiguration", "KubeletConfiguration"]
    assert found["ClusterConfiguration"] == {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "clusterName": "home",
        "kubernetesVersion": "v1.35.2",
        "controlPlaneEndpoint": "192.168.10.50:6443",
        "apiServer": {
            "certSANs": [
                "k8s-1",
                "k8s-2",
                "k8s-3",
                "192.168.10.21",
                "192.168.10.22",
                "192.168.10.23",
                "k8s.home.arpa",
            ]
        },
        "networking": {
            "podSubnet": "10.42.0.0/16",
            "serviceSubnet": "10.43.0.0/16",
            "dnsDomain": "cluster.local",
        },
    }
    assert found["KubeletConfiguration"] == {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        "shutdownGracePeriod": "60s",
        "shutdownGracePeriodCriticalPods": "20s",
    }


def test_a_node_registers_with_its_address_labels_taints_and_flags() -> None:
    assert documents(AGENT | RICH, "kubeadm-join.yaml")["JoinConfiguration"]["nodeRegistration"] == {
        "name": "k8s-2",
        "criSocket": "unix:///run/containerd/containerd.sock",
        "kubeletExtraArgs": [
            {"name": "node-ip", "value": "192.168.10.31"},
            {"name": "node-labels", "value": "disk=ssd,zone=a"},
            {"name": "max-pods", "value": "200"},
        ],
        "taints": [
            {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
            {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
        ],
    }


def test_a_server_without_taints_says_so_and_takes_workloads() -> None:
    assert documents(FIRST, "kubeadm-init.yaml")["InitConfiguration"]["nodeRegistration"]["taints"] == []


def test_secrets_are_filled_in_on_the_machine() -> None:
    select = 'lib.genAttrs [ "token" "certificate-key" ] (n: config.sops.placeholder."kubeadm-home-${n}")'
    filled_in = ask(FIRST, select)
    init = documents(FIRST, "kubeadm-init.yaml")["InitConfiguration"]
    join = documents(SERVER, "kubeadm-join.yaml")["JoinConfiguration"]

    assert init["bootstrapTokens"][0]["token"] == filled_in["token"]
    assert init["certificateKey"] == filled_in["certificate-key"]
    assert join["discovery"]["bootstrapToken"]["token"] == filled_in["token"]
    assert join["controlPlane"]["certificateKey"] == filled_in["certificate-key"]


def test_the_ca_comes_signed_with_the_token_or_is_pinned() -> None:
    def trust(options: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = documents(options, "kubeadm-join.yaml")["JoinConfiguration"]["discovery"]
        return {name: value for name, value in found["bootstrapToken"].items() if "ca" in name.lower()}

    assert trust(AGENT) == {"unsafeSkipCAVerification": True}
    assert trust(AGENT | RICH) == {"caCertHashes": [f"sha256:{'0' * 64}"]}
