"""Nodes of k3s and kubeadm: the real kubectl asks an API that says what Kubernetes says."""

from __future__ import annotations

import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.checks.api import api, node, refusal
from tests.checks.asking import Here, asked, check_of, needs, stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyhomelab.checks import Check

needs_kubectl = needs("kubectl", "kubernetes-client")
KUBEADM = {"clusters.home.distribution": "kubeadm"}
# k3s has kubectl in itself.
PROGRAMS = {"k3s": '[ "$1" = kubectl ] || exit 2\nshift\nexec kubectl "$@"', "systemctl": "exit 0"}
READY = node("k8s-1", Ready=("True", "kubelet is posting ready status"))
NOT_READY = node("k8s-1", Ready=("False", "container runtime network not ready: cni plugin not initialized"))
UNHEARD = node("k8s-1", Ready=("Unknown", "Kubelet stopped posting node status."))
PLACES = ("/etc/rancher/k3s/k3s.yaml", "/etc/kubernetes/admin.conf")


def of(kind: str, name: str) -> Check:
    return check_of("k8s-1", name, KUBEADM if kind == "kubeadm" else None)


def found(tmp_path: Path, check: Check, answers: dict[str, Any], **programs: str) -> tuple[int, str]:
    credentials = tmp_path / "credentials"
    with api(answers, credentials) as port:
        places = dict.fromkeys(PLACES, str(credentials)) | {"https://192.168.10.21:6443": f"http://localhost:{port}"}
        return asked(check, Here(stand_in(tmp_path / "bin", **PROGRAMS | programs), places))


@needs_kubectl
@pytest.mark.parametrize("kind", ["k3s", "kubeadm"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (READY, (0, "")),
        (NOT_READY, (1, "it is not ready: container runtime network not ready: cni plugin not initialized")),
        (UNHEARD, (1, "it is not ready: Kubelet stopped posting node status.")),
        (node("k8s-1"), (1, "it is not ready: ")),
    ],
)
def test_a_node_is_ready_or_says_what_it_lacks(
    tmp_path: Path, kind: str, answer: dict[str, Any], expected: tuple[int, str]
) -> None:
    code, said = found(tmp_path, of(kind, "node k8s-1 is Ready"), {"/api/v1/nodes/k8s-1": answer})
    assert (code, said) == (expected[0], expected[1].strip())


@needs_kubectl
@pytest.mark.parametrize(("kind", "unit"), [("k3s", "k3s.service"), ("kubeadm", "kubelet.service")])
def test_a_node_whose_agent_does_not_run_is_not_ready_whatever_the_api_still_says(
    tmp_path: Path, kind: str, unit: str
) -> None:
    check = of(kind, "node k8s-1 is Ready")
    stopped = f'[ "$*" = "is-active --quiet {unit}" ] || exit 0\nexit 3'
    assert found(tmp_path, check, {"/api/v1/nodes/k8s-1": READY}, systemctl=stopped) == (1, f"{unit} is not active")


@needs_kubectl
@pytest.mark.parametrize("kind", ["k3s", "kubeadm"])
def test_an_api_that_is_ready_holds_and_one_that_is_not_says_so(tmp_path: Path, kind: str) -> None:
    check = of(kind, "the API of k8s-1 is ready")
    assert found(tmp_path, check, {"/readyz": "ok"}) == (0, "")
    code, said = found(tmp_path, check, {"/readyz": refusal("[-]etcd failed: reason withheld")})
    assert code == 1
    assert "[-]etcd failed: reason withheld" in said


@needs_kubectl
def test_an_api_that_nobody_is_at_fails(tmp_path: Path) -> None:
    with api({}, tmp_path / "credentials"):
        pass  # and gone
    here = Here(stand_in(tmp_path / "bin", **PROGRAMS), {PLACES[0]: str(tmp_path / "credentials")})
    code, said = asked(of("k3s", "node k8s-1 is Ready"), here)
    assert code == 1
    assert "was refused" in said


@needs_kubectl
@pytest.mark.parametrize(
    ("conditions", "readyz", "expected"),
    [
        ({"EtcdIsVoter": ("True", "Node is a voting member of the etcd cluster")}, "ok", (0, "")),
        (
            {"EtcdIsVoter": ("False", "Node has not been promoted from etcd learner")},
            "ok",
            (1, "it does not vote: False Node has not been promoted from etcd learner"),
        ),
        ({}, "ok", (1, "it does not vote: nothing is known of its etcd")),
    ],
)
def test_a_server_of_k3s_votes_in_etcd_or_says_why_not(
    tmp_path: Path, conditions: dict[str, tuple[str, str]], readyz: str, expected: tuple[int, str]
) -> None:
    answers = {"/api/v1/nodes/k8s-1": node("k8s-1", **conditions), "/readyz/etcd": readyz}
    assert found(tmp_path, of("k3s", "etcd of k8s-1 votes"), answers) == expected


@needs_kubectl
def test_a_vote_counts_only_while_etcd_answers(tmp_path: Path) -> None:
    voter = node("k8s-1", EtcdIsVoter=("True", "Node is a voting member of the etcd cluster"))
    answers = {"/api/v1/nodes/k8s-1": voter, "/readyz/etcd": refusal("etcd failed")}
    code, said = found(tmp_path, of("k3s", "etcd of k8s-1 votes"), answers)
    assert code == 1
    assert "etcd failed" in said


@pytest.mark.parametrize(
    ("kind", "name", "place"),
    [
        ("k3s", "node k8s-1 is Ready", "/etc/rancher/k3s/k3s.yaml"),
        ("kubeadm", "node k8s-1 is Ready", "/etc/kubernetes/admin.conf"),
        ("kubeadm", "etcd of k8s-1 is healthy", "/etc/kubernetes/manifests/etcd.yaml"),
    ],
)
def test_a_machine_that_has_not_joined_is_not_judged(tmp_path: Path, kind: str, name: str, place: str) -> None:
    absent = str(tmp_path / "absent")
    here = Here(stand_in(tmp_path / "bin", k3s="", kubectl="", curl=""), {place: absent})
    assert asked(of(kind, name), here) == (69, f"{absent} is not there: this machine has joined no cluster yet")


def test_an_agent_asks_with_the_credentials_of_its_kubelet() -> None:
    agent = {"clusters.home.servers": ["k8s-2"], "clusters.home.agents": ["k8s-1"]}
    for kind, place in (
        ("k3s", "/var/lib/rancher/k3s/agent/kubelet.kubeconfig"),
        ("kubeadm", "/etc/kubernetes/kubelet.conf"),
    ):
        check = check_of("k8s-1", "node k8s-1 is Ready", agent | {"clusters.home.distribution": kind})
        assert f"CREDENTIALS={place}\n" in check.script


@contextmanager
def page(status: int, body: str, certificate: Path | None = None) -> Iterator[int]:
    """A page on a free port of this machine, by TLS if there is a certificate."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@needs("curl", "curl")
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, '{"health":"true","reason":""}', (0, "")),
        (
            503,
            '{"health":"false","reason":"RAFT NO LEADER"}',
            (1, 'etcd says: {"health":"false","reason":"RAFT NO LEADER"}'),
        ),
    ],
)
def test_etcd_says_itself_whether_it_is_healthy(
    tmp_path: Path, status: int, body: str, expected: tuple[int, str]
) -> None:
    (tmp_path / "etcd.yaml").touch()
    with page(status, body) as port:
        places = {
            "/etc/kubernetes/manifests/etcd.yaml": str(tmp_path / "etcd.yaml"),
            "127.0.0.1:2381": f"127.0.0.1:{port}",
        }
        assert asked(of("kubeadm", "etcd of k8s-1 is healthy"), Here(stand_in(tmp_path / "bin"), places)) == expected


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(place), "-out", str(place.with_suffix(".crt")), "-days", "1", "-subj", "/CN=kubernetes"]
    subprocess.run([*command, *files], capture_output=True, check=True)
    place.write_text(place.read_text() + place.with_suffix(".crt").read_text())
    return place


@needs("curl", "curl")
@needs("openssl", "openssl")
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, (0, "")),
        (401, (0, "")),
        (403, (0, "")),
        (500, (1, "it answers with 500")),
        (503, (1, "it answers with 503")),
    ],
)
def test_the_address_of_a_cluster_leads_to_an_api(
    tmp_path: Path, certificate: Path, status: int, expected: tuple[int, str]
) -> None:
    with page(status, "", certificate) as port:
        here = Here(stand_in(tmp_path / "bin"), {"192.168.10.50:6443": f"127.0.0.1:{port}"})
        assert asked(of("k3s", "cluster home answers at 192.168.10.50"), here) == expected
