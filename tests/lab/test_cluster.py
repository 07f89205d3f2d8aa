"""Three servers of a cluster on real hosts: one at a time, none while another is not well, emptied before a reboot."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from pyhomelab.inventory.load import load
from tests.lab.needs import missing_for_systems
from tests.lab.told import Admin
from tests.lab.trials import BOOT_ID

if TYPE_CHECKING:
    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
    pytest.mark.skipif(shutil.which("sops") is None, reason="sops is missing"),
]

HERE = Path(__file__).parent
READY = "True kubelet is posting ready status"
NOT_READY = "False container runtime is down"
CREDENTIALS = "/etc/rancher/k3s/k3s.yaml"
AGENT = "/var/lib/rancher/k3s/agent/kubelet.kubeconfig"
HOSTS = ("n1", "n2", "n3")
CLUSTER = "the servers of k3s cluster home"


@pytest.fixture
def admin(installed_hosts: dict[str, LabHost], lab_directory: Path, tmp_path: Path) -> Admin:
    """The lab, with the three hosts as servers of k3s; what runs there in its place stands in for it."""
    admin = Admin(lab_directory, tmp_path / "home", installed_hosts)
    file = lab_directory / "hosts/inventory.yaml"
    inventory = json.loads(file.read_text())
    inventory["clusters"] = {"home": {"distribution": "k3s", "servers": list(HOSTS)}}
    file.write_text(json.dumps(inventory))
    assert admin.tells("secret", "generate").code == 0
    assert admin.tells("gen").code == 0
    for name, host in installed_hosts.items():
        wants(admin, name, "")
        for tool, script in (("k3s", "k3s.sh"), ("kubectl", "kubectl.sh")):
            host.run(f"cat >/usr/bin/{tool}; chmod 755 /usr/bin/{tool}", stdin=(HERE / script).read_text())
        for node in HOSTS:
            place = f"/root/cluster/nodes/{node}"
            host.run(f"mkdir -p {place}; echo True >{place}/ready; echo first >{place}/boot; touch {place}/pods")
        is_ready(host, READY)
    return admin


def wants(admin: Admin, name: str, settings: str) -> None:
    """Put settings into a machine's own file, beside what stands in for k3s."""
    text = f"{{ lib, ... }}:\n{{\nstub.services.k3s = {{ }};\n{settings}\n}}\n"
    (admin.directory / "hosts" / name / "extra.nix").write_text(text)


def is_ready(host: LabHost, said: str) -> None:
    host.run(f"echo '{said}' >/root/cluster/ready")


def joined(admin: Admin) -> None:
    """Have all three in the cluster, as their first start leaves it."""
    for host in admin.hosts.values():
        host.run(f"mkdir -p {Path(CREDENTIALS).parent}; touch {CREDENTIALS}")


def test_servers_are_changed_one_at_a_time_and_none_while_another_is_not_well(admin: Admin) -> None:
    told = admin.tells("deploy", "--yes")
    assert told.code == 0, told.err
    assert told.out == ["n1: deployed", "n2: deployed", "n3: deployed"]
    assert [line for line in told.err if line.startswith("wave")] == ["wave 1 (canary):", "wave 2:", "wave 3:"]
    whole = "asking n1, n2 and n3 how their groups are"
    before, after = f"{whole}, before the next wave", f"{whole}, after the wave"
    assert [line for line in told.err if line.startswith("asking ")] == [before, after, after, after], "none twice"

    joined(admin)
    is_ready(admin.hosts["n3"], NOT_READY)
    for name in HOSTS:
        wants(admin, name, "stub.services.web = { };")
    told = admin.tells("deploy", "--yes")
    reason = "n3: node n3 is Ready: fails: it is not ready: container runtime is down"
    assert told.code == 4
    assert told.out == [
        f"n1: left alone: {CLUSTER} cannot do without it now: {reason}",
        f"n2: left alone: {CLUSTER} cannot do without it now: {reason}",
        "n3: deployed: node n3 is Ready: not, as before (it is not ready: container runtime is down)",
    ]


def test_a_server_that_is_not_well_with_its_new_system_goes_back_and_stops_the_others(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    joined(admin)
    for host in admin.hosts.values():
        host.run("systemd-run --quiet --unit=k3s sleep 100000")
    breaks = f"[ \"$NIXOS_ACTION\" != test ] || echo '{NOT_READY}' >/root/cluster/ready"
    wants(admin, "n1", f"system.activationScripts.breaks = ''{breaks}'';")
    told = admin.tells("deploy", "--yes", "--probation", "25s")
    assert told.code == 4
    assert told.out == [
        "n1: rolled back: node n1 is Ready: not any more (it is not ready: container runtime is down)",
        f"n2: left alone: shares {CLUSTER} with n1 (rolled back)",
        f"n3: left alone: shares {CLUSTER} with n1 (rolled back)",
    ]
    runs = [admin.hosts[name].said("readlink /run/current-system") for name in HOSTS]
    assert runs == [first_systems[name] for name in HOSTS]


def test_a_node_is_emptied_before_its_machine_reboots_and_opened_when_it_is_back(
    admin: Admin, first_systems: dict[str, str]
) -> None:
    assert admin.tells("deploy", "--yes").code == 0
    joined(admin)
    host, server = admin.hosts["n2"], admin.hosts["n1"]
    before = host.said(BOOT_ID)
    teller = Thread(target=tell_of_the_boot, args=(host, server, before), daemon=True)
    teller.start()
    told = admin.tells("deploy", "--yes", "--host", "n2", "--reboot", "always")
    teller.join(60)
    assert (told.code, told.out) == (0, ["n2: deployed: and rebooted"]), told.err
    assert host.said(BOOT_ID) != before
    assert host.said("readlink /run/booted-system") != first_systems["n2"]
    asked = [line.split()[0] for line in server.said("cat /root/cluster/asked").splitlines() if " n2 " in f"{line} "]
    assert [word for word in asked if word != "get"] == ["annotate", "cordon", "drain", "uncordon", "annotate"]
    stages = [line for line in told.err if line.startswith("n2: ") and line.split(": ")[1] in STAGES]
    assert [line.split(": ")[1] for line in stages] == ["copy", "drain", "reboot", "uncordon"]


STAGES = ("copy", "activate", "drain", "reboot", "uncordon")


def tell_of_the_boot(host: LabHost, server: LabHost, before: str) -> None:
    """Let Kubernetes hear that a machine has booted, as its kubelet does."""
    while True:
        done = host.run(BOOT_ID, check=False)
        if done.returncode == 0 and done.stdout.strip() not in {"", before}:
            break
        time.sleep(0.5)
    server.run(f"echo {done.stdout.strip()} >/root/cluster/nodes/{host.name}/boot")


def test_an_agent_leaves_the_lab_once_the_others_are_well_without_it(admin: Admin) -> None:
    file = admin.directory / "hosts/inventory.yaml"
    inventory = json.loads(file.read_text())
    inventory["clusters"]["home"] |= {"servers": ["n1"], "agents": ["n2", "n3"]}
    file.write_text(json.dumps(inventory))
    joined(admin)
    for host in admin.hosts.values():
        host.run("systemd-run --quiet --unit=k3s sleep 100000")
    admin.hosts["n2"].run(f"mkdir -p {Path(AGENT).parent}; touch {AGENT}")
    is_ready(admin.hosts["n2"], NOT_READY)
    told = admin.tells("retire", "n3", "--yes", "n3")
    assert told.code == 3
    assert "n1 and n2 must be well before n3 leaves" in told.err[-1]
    assert "n3" in json.loads(file.read_text())["hosts"]

    is_ready(admin.hosts["n2"], READY)
    told = admin.tells("retire", "n3", "--yes", "n3")
    assert told.code == 0, told.err
    left = load(file)
    assert (list(left.hosts), left.clusters["home"].agents) == (["n1", "n2"], ("n2",))
