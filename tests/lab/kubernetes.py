"""A Kubernetes on test hosts without kubelets: a server, and nodes that are what a test says they are."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tests.lab.patience import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost

ADMIN = "/etc/kubernetes/admin.conf"
NODE = "/etc/kubernetes/kubelet.conf"
_STATE = "/var/lib/kubernetes"
_ETCD = "http://127.0.0.1:2379"
_PEER = "http://127.0.0.1:2380"
_API = "https://127.0.0.1:6443"
_PROGRAMS = {
    "etcd": (
        f"--data-dir={_STATE}/etcd --unsafe-no-fsync --listen-metrics-urls=http://127.0.0.1:2381"
        f" --listen-client-urls={_ETCD} --advertise-client-urls={_ETCD} --listen-peer-urls={_PEER}"
        f" --initial-advertise-peer-urls={_PEER} --initial-cluster=default={_PEER}"
    ),
    "kube-apiserver": (
        f"--etcd-servers={_ETCD} --secure-port=6443 --advertise-address={{address}} --cert-dir=/etc/kubernetes/pki --authorization-mode=Node,RBAC"
        f" --token-auth-file={_STATE}/tokens.csv --service-cluster-ip-range=10.43.0.0/16"
        f" --service-account-issuer=https://lab --service-account-key-file={_STATE}/sa.key"
        f" --service-account-signing-key-file={_STATE}/sa.key"
    ),
    # No kubelet tells of its node again and again: that is no reason here to take it for dead.
    "kube-controller-manager": (
        f"--kubeconfig={ADMIN} --service-account-private-key-file={_STATE}/sa.key --leader-elect=false"
        " --use-service-account-credentials --node-monitor-grace-period=24h --node-monitor-period=1s"
    ),
    "kube-scheduler": f"--kubeconfig={ADMIN} --leader-elect=false",
}
_TOKENS = {"admin": "system:masters", "system:node:n1": "system:nodes", "system:node:n2": "system:nodes"}
_SHUNNED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_CERTIFICATES = ("/var/lib/kubelet/pki/kubelet-client-current.pem", "/var/lib/rancher/k3s/agent/client-kubelet.crt")
# An API server that is asked to stop waits a minute for those that watch it.
_UNIT = """\
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/bin/{words}
KillSignal=SIGKILL
Restart=on-failure
RestartSec=1
"""
_KUBELET = "[Service]\nExecStart=/usr/bin/sleep infinity\n"
_K3S = """\
#!/bin/sh
[ "$1" = kubectl ] || exit 2
shift
KUBECONFIG=${KUBECONFIG:-/etc/rancher/k3s/k3s.yaml} exec /usr/bin/kubectl "$@"
"""


class KubernetesRefused(Exception):
    """Kubernetes did not do what it was asked; the message has its answer."""


def start_kubernetes(server: LabHost, others: list[LabHost]) -> Kubernetes:
    """Make a host the server of a cluster, of kubeadm's kind and of k3s's at once, and others machines that know it."""
    _install_server(server)
    server.run("systemctl daemon-reload && systemctl start etcd kube-apiserver")
    made = Kubernetes(server)
    made.is_up()
    server.run("systemctl start kube-controller-manager kube-scheduler")
    # It is what the server has just made for itself: of the others nothing is asked but how long theirs last.
    certificate = (server.disk / "etc/kubernetes/pki/apiserver.crt").read_text()
    for host in (server, *others):
        _install_node(host, server, certificate)
    wait_for(lambda: made.has_object("/api/v1/namespaces/default/serviceaccounts/default"))
    return made


def _install_server(host: LabHost) -> None:
    key = host.disk / f"{_STATE[1:]}/sa.key"
    key.parent.mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", key], check=True)
    tokens = [f'{user},{user},{user},"{group}"\n' for user, group in _TOKENS.items()]
    _write(host, f"{_STATE}/tokens.csv", "".join(tokens))
    for place in (ADMIN, "/etc/rancher/k3s/k3s.yaml"):
        _write(host, place, _credentials("admin", _API))
    for name, options in _PROGRAMS.items():
        words = f"{name} {options.format(address=host.address)}"
        _write(host, f"/etc/systemd/system/{name}.service", _UNIT.format(words=words))
    _write(host, "/etc/kubernetes/manifests/etcd.yaml", "")


def _install_node(host: LabHost, server: LabHost, certificate: str) -> None:
    for place in (NODE, "/var/lib/rancher/k3s/agent/kubelet.kubeconfig"):
        _write(host, place, _credentials(f"system:node:{host.name}", f"https://{server.address}:6443"))
    for place in _CERTIFICATES:
        _write(host, place, certificate)
    for unit in ("kubelet", "k3s"):
        _write(host, f"/etc/systemd/system/{unit}.service", _KUBELET)
    _write(host, "/usr/bin/k3s", _K3S)
    host.run("systemctl daemon-reload && systemctl start kubelet k3s")


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """A cluster with its server on a host; it has no nodes but those that are put in."""

    server: LabHost

    def is_up(self) -> None:
        """Wait until the API is ready."""
        wait_for(lambda: self._answers("GET", "/readyz") == HTTPStatus.OK)

    def kubectl(self, words: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator, on the server."""
        return self.server.run(f"kubectl --kubeconfig={ADMIN} {words}", check=check)

    def get(self, path: str) -> dict[str, Any]:
        """An object, or a list of objects."""
        return self._asked("GET", path)

    def items(self, path: str) -> list[dict[str, Any]]:
        """The objects of a list."""
        found: list[dict[str, Any]] = self.get(path)["items"]
        return found

    def has_object(self, path: str) -> bool:
        """Whether there is an object."""
        return self._answers("GET", path) == HTTPStatus.OK

    def create(self, path: str, made: dict[str, Any]) -> None:
        """Put an object into a list."""
        self._asked("POST", path, made)

    def change(self, path: str, parts: dict[str, Any]) -> None:
        """Change parts of an object; None takes one out."""
        self._asked("PATCH", path, parts)

    def delete(self, path: str) -> None:
        """Delete an object, or all of a list, at once."""
        self._asked("DELETE", f"{path}?gracePeriodSeconds=0")

    def has(self, name: str, *, ready: str = "True", why: str = "", boot: str = "boot-1", **conditions: str) -> None:
        """Have a node that says this of itself, new or as what became of the old one; it is as open as it was."""
        told = {"Ready": (ready, why or "kubelet is posting ready status")}
        told |= {kind: (status, "") for kind, status in conditions.items()}
        node, path = _node(name, told, boot), f"/api/v1/nodes/{name}"
        if self.has_object(path):
            self.change(f"{path}/status", {"status": node["status"]})
        else:
            self.create("/api/v1/nodes", node)
        # What the controller makes of it decides where pods may go.
        wait_for(lambda: self._is_shunned(path) == (ready != "True"))

    def has_running(self, pod: str) -> None:
        """Have a pod that was given to a node run there and be ready, as its kubelet would tell."""
        told = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self.change(f"/api/v1/namespaces/default/pods/{pod}/status", {"status": told})

    def _is_shunned(self, path: str) -> bool:
        taints = self.get(path)["spec"].get("taints", [])
        return any(taint["key"] in _SHUNNED for taint in taints)

    def _answers(self, method: str, path: str) -> int:
        try:
            return self._request(method, path, None)[0]
        except OSError:
            return 0

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        status, said = self._request(method, path, body)
        if status >= HTTPStatus.BAD_REQUEST:
            raise KubernetesRefused(f"{method} {path}: {status} {said.decode()}")
        answer: dict[str, Any] = json.loads(said)
        return answer

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, bytes]:
        certificate = self.server.disk / "etc/kubernetes/pki/apiserver.crt"
        if not certificate.exists():
            raise FileNotFoundError(certificate)
        trusted = ssl.create_default_context(cafile=str(certificate))
        line = http.client.HTTPSConnection(self.server.address, 6443, context=trusted, timeout=30)
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        with closing(line):
            text = None if body is None else json.dumps(body)
            line.request(method, path, text, {"Authorization": "Bearer admin", "Content-Type": kind})
            answer = line.getresponse()
            return answer.status, answer.read()


def _node(name: str, conditions: dict[str, tuple[str, str]], boot: str) -> dict[str, Any]:
    now = "2026-11-21T12:00:00Z"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "status": {
            "capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": "Lab",
                    "message": message,
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                }
                for kind, (status, message) in conditions.items()
            ],
            "nodeInfo": {
                **dict.fromkeys(
                    ("machineID", "systemUUID", "kernelVersion", "osImage", "containerRuntimeVersion"), "lab"
                ),
                **dict.fromkeys(("kubeletVersion", "kubeProxyVersion"), "v1.20.2"),
                "bootID": boot,
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
        },
    }


def _credentials(token: str, server: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "lab", "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
            "current-context": "lab",
        }
    )


def _write(host: LabHost, path: str, text: str) -> None:
    file: Path = host.disk / path.removeprefix("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755 if text.startswith("#!") else 0o600)
