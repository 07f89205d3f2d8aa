from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.modules.cluster_host import Machine
from tests.modules.harness import needs_nixpkgs_lib, script
from tests.modules.test_kubeadm import AGENT, FIRST, SERVER, ask

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_nixpkgs_lib

MANIFEST = "manifests/kube-apiserver.yaml"
RUNS = 'echo "kubernetesVersion: {}"; exit 0'  # what kubectl reads in kubeadm's own notes


def upgrade(options: dict[str, str]) -> str:
    return script(ask(options, "config.systemd.services.homelab-kubeadm-upgrade.serviceConfig.ExecStart"))


@pytest.fixture
def host(tmp_path: Path) -> Machine:
    """A machine whose system has come up with 1.35.2."""
    machine = Machine(tmp_path)
    machine.packaged("kubernetes", "v1.35.2")
    return machine


def member(host: Machine, version: str, *, apiserver: str | None = None) -> None:
    """Make `host` a machine that has been running `version`."""
    host.is_server()
    host.runs(host.packaged("old", version))
    (host.kubernetes / MANIFEST).write_text(f"    image: registry.k8s.io/kube-apiserver:{apiserver or version}\n")


def test_a_machine_in_no_cluster_upgrades_nothing(host: Machine) -> None:
    assert host.run(upgrade(FIRST)).returncode == 0
    assert host.calls() == []


def test_a_machine_up_to_date_asks_nobody(host: Machine) -> None:
    member(host, "v1.35.2")

    done = host.run(upgrade(FIRST))

    assert (done.returncode, done.stdout, host.calls()) == (0, "", [])


@pytest.mark.parametrize("version", ["v1.34.7", "v1.35.0"], ids=["one-minor", "patch"])
def test_the_first_server_upgrades_the_cluster_and_then_its_kubelet(host: Machine, version: str) -> None:
    member(host, version)
    host.teach("kubectl", RUNS.format(version))

    done = host.run(upgrade(FIRST))

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"upgrading home from {version} to v1.35.2\nk8s-2 runs v1.35.2\n"
    assert host.calls("kubeadm", "systemctl") == [
        "kubeadm upgrade apply --yes v1.35.2",
        "systemctl restart kubelet.service",
    ]
    assert host.running_kubelet.resolve().name == "kubernetes"


def test_an_upgrade_done_is_not_done_again(host: Machine) -> None:
    member(host, "v1.34.7")
    host.teach("kubectl", RUNS.format("v1.34.7"))
    host.run(upgrade(FIRST))
    host.calls()

    assert host.run(upgrade(FIRST)).returncode == 0
    assert host.calls() == []


def test_an_upgrade_that_failed_leaves_the_kubelet_and_is_tried_again(host: Machine) -> None:
    member(host, "v1.34.7")
    host.teach("kubectl", RUNS.format("v1.34.7"))
    host.teach("kubeadm", "exit 1")
    assert host.run(upgrade(FIRST)).returncode == 1
    assert host.running_kubelet.resolve().name == "old"
    assert host.calls("systemctl") == []
    host.teach("kubeadm")

    assert host.run(upgrade(FIRST)).returncode == 0
    assert host.calls("kubeadm") == ["kubeadm upgrade apply --yes v1.35.2"]
    assert host.running_kubelet.resolve().name == "kubernetes"


@pytest.mark.parametrize("options", [FIRST, SERVER, AGENT], ids=["first", "server", "agent"])
def test_a_minor_version_is_not_skipped(host: Machine, options: dict[str, str]) -> None:
    member(host, "v1.33.9")
    host.teach("kubectl", RUNS.format("v1.33.9"))

    done = host.run(upgrade(options))

    assert done.returncode == 78
    assert done.stderr == (
        "k8s-2 brings Kubernetes v1.35.2, but home runs v1.33.9: Kubernetes goes up one minor version at a"
        " time, deploy 1.34 first. Nothing was changed; the kubelet stays at v1.33.9.\n"
    )
    assert host.calls("kubeadm", "systemctl") == []
    assert host.running_kubelet.resolve().name == "old"


def test_a_minor_version_is_not_gone_back(host: Machine) -> None:
    member(host, "v1.36.1")
    host.teach("kubectl", RUNS.format("v1.36.1"))

    done = host.run(upgrade(FIRST))

    assert done.returncode == 78
    assert done.stderr == (
        "k8s-2 brings Kubernetes v1.35.2, but home runs v1.36.1: its data cannot go back, deploy 1.36 again."
        " Nothing was changed; the kubelet stays at v1.36.1.\n"
    )
    assert host.calls("kubeadm", "systemctl") == []
    assert host.running_kubelet.resolve().name == "old"


def test_yesterdays_system_leaves_todays_patch_version_alone(host: Machine) -> None:
    member(host, "v1.35.4")
    host.teach("kubectl", RUNS.format("v1.35.4"))

    done = host.run(upgrade(FIRST))

    assert (done.returncode, done.stdout) == (0, "home stays at v1.35.4, newer than this system's v1.35.2\n")
    assert host.calls("kubeadm", "systemctl") == []
    assert host.running_kubelet.resolve().name == "old"


def test_another_server_waits_for_the_first_and_for_those_before_it(host: Machine) -> None:
    member(host, "v1.34.7")
    # While it waits the first time the cluster is upgraded, the second time the server before it.
    host.teach("kubectl", f"if [ ! -e waited ]; then {RUNS.format('v1.34.7')}; fi; {RUNS.format('v1.35.2')}")
    answer = '192.168.10.21 {"gitVersion": "v1.35.2"}'
    host.teach("sleep", f"if [ -e waited ]; then echo '{answer}' >answers; fi; touch waited")
    host.answers('192.168.10.21 {"gitVersion": "v1.34.7"}')

    done = host.run(upgrade(SERVER))

    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "waiting for the first server of home to upgrade it to v1.35.2\n"
        "waiting for 192.168.10.21 to run v1.35.2\n"
        "upgrading k8s-2 to v1.35.2\n"
        "k8s-2 runs v1.35.2\n"
    )
    assert host.calls("kubeadm", "systemctl", "sleep") == [
        "sleep 10",
        "sleep 10",
        "kubeadm upgrade node",
        "systemctl restart kubelet.service",
    ]


def test_an_agent_asks_by_its_own_access_and_goes_after_every_server(host: Machine) -> None:
    member(host, "v1.34.7")
    (host.kubernetes / "admin.conf").unlink()
    (host.kubernetes / MANIFEST).unlink()
    host.teach("kubectl", RUNS.format("v1.35.2"))
    host.answers(*(f'192.168.10.{n} {{"gitVersion": "v1.35.2"}}' for n in (21, 22, 23)))

    done = host.run(upgrade(AGENT))

    calls = host.calls()
    assert done.returncode == 0, done.stderr
    assert [call.split()[2] for call in calls if "kubectl" in call] == [f"{host.kubernetes}/kubelet.conf"] * 2
    assert [call.split("//")[1] for call in calls if "curl" in call] == [
        f"192.168.10.{n}:6443/version" for n in (21, 22, 23)
    ]
    assert calls[-2:] == ["kubeadm upgrade node", "systemctl restart kubelet.service"]


def test_a_server_whose_kubelet_alone_is_old_is_still_upgraded(host: Machine) -> None:
    member(host, "v1.34.7", apiserver="v1.35.2")
    host.teach("kubectl", RUNS.format("v1.35.2"))
    host.answers('192.168.10.21 {"gitVersion": "v1.35.2"}')

    assert host.run(upgrade(SERVER)).returncode == 0
    assert host.calls("kubeadm") == ["kubeadm upgrade node"]
    assert host.running_kubelet.resolve().name == "kubernetes"
