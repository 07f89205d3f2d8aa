from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.modules.cluster_host import Machine, needs_shellcheck
from tests.modules.harness import needs_nixpkgs_lib, script
from tests.modules.programs import needs
from tests.modules.test_kubeadm import AGENT, FIRST, SERVER, ask

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [needs_nixpkgs_lib, needs("openssl", "openssl")]

INIT_FILE = "/run/secrets/rendered/kubeadm-init.yaml"
JOIN_FILE = "/run/secrets/rendered/kubeadm-join.yaml"


def written(options: dict[str, str], name: str) -> str:
    return script(ask(options, f"config.systemd.services.homelab-kubeadm-{name}.serviceConfig.ExecStart"))


def join_of_first() -> dict[str, str]:
    """The join script that the init script may hand over to, by its path."""
    found = re.search(r"^join='?(/nix/store/[^'\n]+)", written(FIRST, "init"), re.MULTILINE)
    assert found
    return {found[1]: script(found[1])}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real CA certificate."""
    at = tmp_path_factory.mktemp("authority")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(at / "key")]
    subprocess.run(
        ["openssl", "req", "-x509", *key, "-subj", "/CN=kubernetes", "-out", str(at / "certificate")],
        capture_output=True,
        check=True,
    )
    return (at / "certificate").read_bytes()


@pytest.fixture
def host(tmp_path: Path, authority: bytes) -> Machine:
    """An empty machine; its system's kubelet is 1.35.2."""
    machine = Machine(tmp_path)
    (tmp_path / "authority").write_bytes(authority)
    machine.packaged("kubernetes", "v1.35.2")
    return machine


@pytest.mark.parametrize("name", ["init", "join-window", "pod-network", "upgrade"])
def test_kubectl_has_a_home_for_its_cache(name: str) -> None:
    assert "export HOME=/root\n" in written(FIRST, name)


# init


def test_a_fresh_machine_starts_its_cluster_once(host: Machine) -> None:
    first = host.run(written(FIRST, "init"))
    calls = host.calls("kubeadm")
    second = host.run(written(FIRST, "init"))

    assert first.returncode == 0, first.stderr
    assert calls == [
        (
            f"kubeadm init --config {host.directory}{INIT_FILE} --upload-certs --skip-token-print"
            " --skip-certificate-key-print"
        ),
    ]
    assert host.running_kubelet.resolve().name == "kubernetes"
    assert list(host.state.iterdir()) == []
    assert (second.returncode, second.stdout, host.calls()) == (0, "", [])


def test_the_first_server_says_the_hash_of_its_ca(host: Machine) -> None:
    said = host.run(written(FIRST, "init")).stdout

    certificate = ["openssl", "x509", "-pubkey", "-noout", "-in", str(host.kubernetes / "pki/ca.crt")]
    pem = subprocess.run(certificate, capture_output=True, text=True, check=True).stdout
    key = base64.b64decode("".join(pem.splitlines()[1:-1]))
    public = hashlib.sha256(key).hexdigest()
    assert said == f"home is up; for homelab.kubeadm.caCertHashes: sha256:{public}\n"


def test_a_start_that_broke_off_is_gone_on_with_and_not_wiped(host: Machine) -> None:
    host.teach("kubeadm", 'mkdir -p "$here"; touch "$here/kubelet.conf" "$here/admin.conf"; exit 1')
    assert host.run(written(FIRST, "init")).returncode == 1
    host.calls()
    host.teach("kubeadm")

    again = host.run(written(FIRST, "init"))

    (call,) = host.calls("kubeadm")
    assert again.returncode == 0
    assert again.stdout.startswith("an earlier start of home did not finish; going on with it\n")
    assert "--ignore-preflight-errors=DirAvailable--var-lib-etcd,FileAvailable--etc-kubernetes-manifests-" in call
    assert list(host.state.iterdir()) == []


def test_a_first_server_installed_anew_joins_its_living_cluster(host: Machine) -> None:
    host.answers("192.168.10.23 {}", "192.168.10.50 {}")

    done = host.run(written(FIRST, "init"), join_of_first())

    assert done.returncode == 0, done.stderr
    assert done.stdout == "192.168.10.23 answers: home is there already, joining it\njoined home\n"
    assert host.calls("kubeadm") == [f"kubeadm join --config {host.directory}{JOIN_FILE}"]


def test_a_first_servers_join_that_broke_off_is_a_join_the_next_time_too(host: Machine) -> None:
    host.state.mkdir()
    (host.state / "join-begun").touch()
    host.answers("192.168.10.50 {}")

    done = host.run(written(FIRST, "init"), join_of_first())

    assert done.returncode == 0, done.stderr
    assert [call.split()[1] for call in host.calls("kubeadm")] == ["reset", "join"]


# join


def test_a_machine_waits_for_the_control_plane_and_joins_once(host: Machine) -> None:
    host.teach("sleep", "echo '192.168.10.50 {}' >answers")

    first = host.run(written(AGENT, "join"))
    calls = host.calls("kubeadm", "sleep")
    second = host.run(written(AGENT, "join"))

    assert first.returncode == 0, first.stderr
    assert first.stdout == ("waiting for the control plane of home at 192.168.10.50:6443\njoined home\n")
    assert calls == ["sleep 10", f"kubeadm join --config {host.directory}{JOIN_FILE}"]
    assert host.running_kubelet.resolve().name == "kubernetes"
    assert (second.returncode, second.stdout, host.calls()) == (0, "", [])


def test_a_join_that_broke_off_starts_over(host: Machine) -> None:
    host.answers("192.168.10.50 {}")
    host.teach("kubeadm", 'mkdir -p "$here"; touch "$here/kubelet.conf"; exit 1')
    assert host.run(written(AGENT, "join")).returncode == 1
    host.calls()
    host.teach("kubeadm", '[ "$1" = reset ] || mkdir -p "$here"')

    again = host.run(written(AGENT, "join"))

    assert again.returncode == 0, again.stderr
    assert again.stdout == "an earlier attempt to join home did not finish; starting over\njoined home\n"
    assert host.calls("kubeadm") == [
        "kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock",
        f"kubeadm join --config {host.directory}{JOIN_FILE}",
    ]


# join window


def test_before_there_is_a_cluster_nothing_is_renewed(host: Machine) -> None:
    assert host.run(written(SERVER, "join-window")).stdout == "not a server of a running cluster yet\n"
    assert host.calls() == []


def test_with_every_server_ready_only_the_token_is_renewed(host: Machine) -> None:
    host.is_server()
    host.teach("kubectl", "echo True")

    assert host.run(written(SERVER, "join-window")).returncode == 0
    assert host.calls("kubeadm") == [
        f"kubeadm init phase bootstrap-token --config {host.directory}{INIT_FILE} --skip-token-print",
    ]


@pytest.mark.parametrize("state", ["", "echo False", "echo Unknown"], ids=["missing", "not-ready", "unknown"])
def test_for_a_server_that_is_not_there_the_ca_is_uploaded(host: Machine, state: str) -> None:
    host.is_server()
    host.teach("kubectl", f'[ "$3" = k8s-3 ] || {{ echo True; exit 0; }}\n{state}')

    done = host.run(written(SERVER, "join-window"))

    assert (done.returncode, done.stdout) == (0, "not in the cluster or not ready: k8s-3\n")
    assert host.calls("kubeadm")[1:] == [
        (
            f"kubeadm init phase upload-certs --upload-certs --config {host.directory}{INIT_FILE}"
            " --skip-certificate-key-print"
        ),
    ]


# pod network


def test_the_pod_network_waits_for_the_api_and_is_applied(host: Machine) -> None:
    host.teach("sleep", 'mkdir -p "$here"; touch "$here/admin.conf"')

    done = host.run(written(FIRST, "pod-network"))

    assert done.returncode == 0, done.stderr
    assert host.calls() == [
        "sleep 10",
        "kubectl get --raw /readyz",
        (
            "kubectl apply --server-side --force-conflicts --field-manager homelab --filename"
            f" {host.directory}/store/flannel.json"
        ),
    ]


# The kubelet's own


def test_the_kubelet_takes_the_systems_package_only_when_it_has_none(host: Machine) -> None:
    text = script(ask(AGENT, 'config.systemd.units."kubelet.service".text').split("ExecStartPre=")[1])
    text = re.sub(r"install .*", "", text)  # copies plugins, which are not here

    assert host.run(text).returncode == 0
    assert host.running_kubelet.resolve().name == "kubernetes"
    host.runs(host.packaged("old", "v1.34.7"))
    assert host.run(text).returncode == 0
    assert host.running_kubelet.resolve().name == "old"


# The scripts as text


def scripts() -> dict[str, str]:
    named = {name: written(FIRST, name) for name in ("init", "join-window", "pod-network", "upgrade")}
    return named | {"join": written(AGENT, "join")}


@needs_shellcheck
def test_the_scripts_are_sound_shell_and_a_careless_one_is_noticed(tmp_path: Path) -> None:
    def complaints(text: str) -> str:
        path = tmp_path / "script"
        path.write_text(text)
        return subprocess.run(["shellcheck", path], capture_output=True, text=True, check=False).stdout

    assert {name: complaints(text) for name, text in scripts().items()} == dict.fromkeys(scripts(), "")
    assert "SC2086" in complaints(written(AGENT, "join") + "\nrm $1\n")


def test_bash_can_read_the_scripts_and_not_a_broken_one() -> None:
    def reads(text: str) -> bool:
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        return done.returncode == 0

    assert {name: reads(text) for name, text in scripts().items()} == dict.fromkeys(scripts(), True)
    assert not reads(written(AGENT, "join") + "\nfi\n")
