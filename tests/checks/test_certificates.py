"""Certificates that end soon: real ones, made by openssl, in files and of a page."""

from __future__ import annotations

import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from pyhomelab.checks import checks_of
from tests.checks.asking import Here, asked, check_of, needs, stand_in
from tests.labs import lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs("openssl", "openssl")
LAST = "the certificates of k8s-1 in cluster home last"
NO_CLUSTER = "there are no certificates: this machine has joined no cluster yet"
TLS = "/var/lib/rancher/k3s/server/tls"


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def made(file: Path, days: int, *, name: str = "k3s-client-ca@1731234567", kind: str = "ec") -> Path:
    """A certificate for so many days from now, with its key behind it."""
    key = file.with_suffix(".key")
    how = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else ["rsa:2048"]
    about = ["-subj", f"/CN={name}", "-days", str(days)]
    openssl("req", "-x509", "-nodes", "-newkey", *how, *about, "-keyout", key, "-out", file)
    file.write_text(f"{file.read_text()}{key.read_text()}")
    return file


def between(file: Path, since: str, until: str) -> Path:
    """A certificate from one moment to another, such as 20260101000000Z."""
    place = file.parent / f"{file.stem}-ca"
    place.mkdir()
    (place / "index").touch()
    (place / "serial").write_text("01\n")
    (place / "conf").write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={place}/index\nserial={place}/serial\nnew_certs_dir={place}\n"
        "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n"
    )
    ca = made(place / "ca.crt", 3650)
    openssl("req", "-new", "-key", place / "ca.key", "-subj", "/CN=node", "-out", place / "request")
    signing: list[str | Path] = ["-config", place / "conf", "-cert", ca, "-keyfile", place / "ca.key"]
    dates = ["-startdate", since, "-enddate", until]
    openssl("ca", *signing, "-in", place / "request", *dates, "-batch", "-notext", "-out", file)
    return file


def moment(words: str) -> str:
    """A moment as a certificate has it."""
    done = subprocess.run(["date", "-u", "-d", words, "+%Y%m%d%H%M%SZ"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def node(tmp_path: Path) -> Here:
    (tmp_path / "tls").mkdir(exist_ok=True)
    return Here(stand_in(tmp_path / "bin"), {TLS: f"{tmp_path}/tls", "/var/lib/rancher/k3s/agent": f"{tmp_path}/agent"})


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_certificates_that_last_hold(tmp_path: Path, kind: str) -> None:
    here = node(tmp_path)
    made(tmp_path / "tls/one.crt", 365, kind=kind)
    made(tmp_path / "tls/ca.crt", 36500, kind=kind)  # ends after 2050, which is written otherwise
    assert asked(check_of("k8s-1", LAST), here) == (0, "")


def test_a_certificate_with_less_than_a_twentieth_of_its_time_left_is_named(tmp_path: Path) -> None:
    here = node(tmp_path)
    made(tmp_path / "tls/good.crt", 365)
    between(tmp_path / "tls/late.crt", moment("-350 days"), moment("+15 days"))
    code, said = asked(check_of("k8s-1", LAST), here)
    assert (code, said.startswith(f"{tmp_path}/tls/late.crt ends on ")) == (1, True)
    assert said.endswith(" UTC")
    between(tmp_path / "tls/fine.crt", moment("-340 days"), moment("+25 days"))
    (tmp_path / "tls/late.crt").unlink()
    assert asked(check_of("k8s-1", LAST), here) == (0, "")


def test_a_certificate_that_ended_says_when(tmp_path: Path) -> None:
    here = node(tmp_path)
    between(tmp_path / "tls/old.crt", "20240101000000Z", "20250102030405Z")
    said = f"{tmp_path}/tls/old.crt ended on 2025-01-02 03:04:05 UTC"
    assert asked(check_of("k8s-1", LAST), here) == (1, said)


def test_of_several_certificates_in_a_file_the_first_is_the_machines_own(tmp_path: Path) -> None:
    here = node(tmp_path)
    own = made(tmp_path / "tls/own.crt", 365)
    old = between(tmp_path / "old.pem", "20240101000000Z", "20250102030405Z")
    own.write_text(own.read_text() + old.read_text())
    assert asked(check_of("k8s-1", LAST), here) == (0, "")


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_that_is_no_certificate_is_not_passed(tmp_path: Path, text: str) -> None:
    here = node(tmp_path)
    made(tmp_path / "tls/good.crt", 365)
    (tmp_path / "tls/bad.crt").write_text(text)
    code, said = asked(check_of("k8s-1", LAST), here)
    assert (code, said.splitlines()[-1]) == (1, f"{tmp_path}/tls/bad.crt is no certificate that can be read")


def test_a_machine_that_has_joined_no_cluster_has_no_certificates(tmp_path: Path) -> None:
    assert asked(check_of("k8s-1", LAST), node(tmp_path)) == (69, NO_CLUSTER)


def test_a_node_of_kubeadm_is_asked_for_its_kubelets_certificate(tmp_path: Path) -> None:
    check = check_of("k8s-1", LAST, {"clusters.home.distribution": "kubeadm"})
    here = Here(
        stand_in(tmp_path / "bin"), {"/var/lib/kubelet/pki": str(tmp_path), "/etc/kubernetes": f"{tmp_path}/no"}
    )
    assert asked(check, here) == (69, NO_CLUSTER)
    between(tmp_path / "kubelet-client-current.pem", "20240101000000Z", "20250102030405Z")
    assert asked(check, here) == (1, f"{tmp_path}/kubelet-client-current.pem ended on 2025-01-02 03:04:05 UTC")


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def page(certificate: Path, key: Path) -> Iterator[str]:
    """A page with a certificate; gives its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"https://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def of_page(tmp_path: Path, url: str) -> tuple[int, str]:
    check = check_of("dl1", f"web: the certificate of {url} lasts", {"hosts.dl1.checks": {"web": {"http": url}}})
    return asked(check, Here(stand_in(tmp_path / "bin")))


@needs("curl", "curl")
def test_the_certificate_of_a_page_lasts_whoever_signed_it(tmp_path: Path) -> None:
    own = made(tmp_path / "own.crt", 90)
    with page(own, tmp_path / "own.key") as url:
        assert of_page(tmp_path, url) == (0, "")


@needs("curl", "curl")
def test_the_certificate_of_a_page_that_ended_says_when(tmp_path: Path) -> None:
    old = between(tmp_path / "old.crt", "20240101000000Z", "20250102030405Z")
    with page(old, tmp_path / "old-ca/ca.key") as url:
        assert of_page(tmp_path, url) == (1, "its certificate ended on Jan  2 03:04:05 2025 GMT")


def test_a_page_without_tls_has_no_certificate() -> None:
    checks = {"plain": {"http": "http://localhost/"}, "safe": {"http": "https://localhost/"}}
    found = checks_of(lab({"hosts.dl1.checks": checks}), deep=True)["dl1"]
    names = [check.name for check in found if check.role == "declared" and check.deep]
    assert names == ["safe: the certificate of https://localhost/ lasts"]


@needs("curl", "curl")
def test_a_page_that_does_not_answer_says_why(tmp_path: Path) -> None:
    code, said = of_page(tmp_path, "https://127.0.0.1:1/")
    assert code == 1
    assert "Failed to connect to 127.0.0.1 port 1" in said
