"""A Kubernetes on test hosts without kubelets: a server, and nodes that are what a test says they are."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


class TookTooLong(Exception):
    """Kubernetes did not come to what it should; the message has what kubectl said last."""


def start_kubernetes(server: LabHost, others: list[LabHost]) -> Kubernetes:
    """Make a host the server of a cluster of kubeadm's kind and of k3s's, and others machines that know it."""
    key = server.disk / f"{_STATE[1:]}/sa.key"
    key.parent.mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", key], check=True)
    _write(
        server, f"{_STATE}/tokens.csv", "".join(f'{user},{user},{user},"{group}"\n' for user, group in _TOKENS.items())
    )
    for place in (ADMIN, "/etc/rancher/k3s/k3s.yaml"):
        _write(server, place, _credentials("admin", _API))
    for name, words in _PROGRAMS.items():
        _write(
            server,
            f"/etc/systemd/system/{name}.service",
            _UNIT.format(words=f"{name} {words.format(address=server.address)}"),
        )
    _write(server, "/etc/kubernetes/manifests/etcd.yaml", "")
    for host in (server, *others):
        for place in (NODE, "/var/lib/rancher/k3s/agent/kubelet.kubeconfig"):
            _write(host, place, _credentials(f"system:node:{host.name}", f"https://{server.address}:6443"))
        for unit in ("kubelet", "k3s"):
            _write(host, f"/etc/systemd/system/{unit}.service", _KUBELET)
        _write(host, "/usr/bin/k3s", _K3S)
        host.run("systemctl daemon-reload && systemctl start kubelet k3s")
    server.run("systemctl start etcd kube-apiserver")
    made = Kubernetes(server)
    made.wait_until("get --raw /readyz")
    server.run("systemctl start kube-controller-manager kube-scheduler")
    # A certificate is what the server has just made itself; nothing is asked of the others but how long it lasts.
    certificate = (server.disk / "etc/kubernetes/pki/apiserver.crt").read_text()
    for host in (server, *others):
        for place in _CERTIFICATES:
            _write(host, place, certificate)
    made.wait_until("get serviceaccount default")
    return made


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """A cluster with its server on a host; it has no nodes but those that are put in."""

    server: LabHost

    def ask(self, words: str, *, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator, on the server."""
        return self.server.run(f"kubectl --kubeconfig={ADMIN} {words}", check=check, stdin=stdin)

    def said(self, words: str) -> str:
        """What kubectl says, without white space at its ends."""
        return self.ask(words).stdout.strip()

    def wait_until(self, words: str, says: str | None = None, seconds: float = 60) -> None:
        """Wait until kubectl succeeds, and says what it should if anything."""
        until = time.monotonic() + seconds
        while True:
            done = self.ask(words, check=False)
            if done.returncode == 0 and says in {None, done.stdout.strip()}:
                return
            if time.monotonic() > until:
                raise TookTooLong(f"kubectl {words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
            time.sleep(0.2)

    def create(self, *objects: dict[str, Any]) -> None:
        """Create objects; one with a field that Kubernetes does not know is refused."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.ask("create --validate=true --filename=-", stdin=json.dumps(listed))

    def has(self, name: str, *, ready: str = "True", why: str = "", boot: str = "boot-1", **conditions: str) -> None:
        """Have a node that says this of itself, new or as what became of the old one; it is as open as it was."""
        told = {"Ready": (ready, why or "kubelet is posting ready status")}
        told |= {kind: (status, "") for kind, status in conditions.items()}
        node = _node(name, told, boot)
        found = self.ask(f"get node {name} -o json", check=False)
        if found.returncode != 0:
            self.create(node)
        else:
            self._replace_status(f"nodes/{name}", json.loads(found.stdout) | {"status": node["status"]})
        # What the controller makes of it decides where pods may go.
        taint = "" if ready == "True" else "node.kubernetes.io/not-ready"
        self.wait_until(f"get node {name} -o jsonpath='{{.spec.taints[?(@.effect==\"NoExecute\")].key}}'", taint)

    def has_running(self, pod: str) -> None:
        """Have a pod that was given to a node run there and be ready, as its kubelet would tell."""
        found = json.loads(self.said(f"get pod {pod} -o json"))
        found["status"] |= {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self._replace_status(f"namespaces/{found['metadata']['namespace']}/pods/{pod}", found)

    def _replace_status(self, path: str, changed: dict[str, Any]) -> None:
        del changed["metadata"]["resourceVersion"]  # whoever else has changed it meanwhile
        self.ask(f"replace --raw /api/v1/{path}/status --filename=-", stdin=json.dumps(changed))


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
