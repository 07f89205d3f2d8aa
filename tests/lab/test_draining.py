"""Nodes of Kubernetes are emptied before their machine reboots and opened after it, asked of a server that stays up."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyhomelab.planning.drains import Node
from pyhomelab.shell import Unreachable
from pyhomelab.trials.comeback import reboot
from pyhomelab.trials.draining import Drained, Drains, NotDrained, NotOpened, drain, left_closed, open_again
from pyhomelab.trials.trial import Order, Trial
from tests.lab.needs import missing_for_systems
from tests.lab.trials import BOOT_ID, RUN, machine

if TYPE_CHECKING:
    from pyhomelab.shell import Shell
    from tests.lab.trials import Machine

pytestmark = [
    pytest.mark.nix,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]
__all__ = ["machine"]

KUBECTL = Path(__file__).with_name("kubectl.sh").read_text()
BUDGET = "Cannot evict pod as it would violate the pod's disruption budget."
EVICTING = f'pods/"web-1" -n "default" (will retry after 5s): {BUDGET}'
N2 = Node("n2", "home", "k3s", ("n1",))


@dataclass
class Cluster:
    """A cluster whose server is the host n1; kubectl is a stand-in there, which keeps what it was asked."""

    server: Machine
    is_reachable: bool = True

    def reach(self, name: str) -> Shell:
        """A shell on a server; there is none but n1."""
        if name != "n1" or not self.is_reachable:
            raise Unreachable("cannot be reached: no route to host", where=name)
        return self.server.reach()

    def has(self, node: str, boot: str = "boot-1") -> None:
        """Have a node that is open and ready, with pods."""
        place = f"/root/cluster/nodes/{node}"
        self.do(f"mkdir -p {place}; echo True >{place}/ready; echo {boot} >{place}/boot; touch {place}/pods")

    def do(self, script: str) -> str:
        """What a shell says on the server."""
        return self.server.host.run(script).stdout.strip()

    def asked(self) -> list[str]:
        """What kubectl was asked to do, in order; that it was asked how a node is does not count."""
        said = self.do("cat /root/cluster/asked 2>/dev/null || true").splitlines()
        return [line for line in said if not line.startswith("get ")]

    def files(self, node: str) -> list[str]:
        """What there is to know of a node."""
        return self.do(f"ls /root/cluster/nodes/{node}").split()


@pytest.fixture
def cluster(machine: Machine) -> Cluster:
    """The cluster, with the node n2."""
    for place in ("k3s", "kubectl"):
        machine.host.run(f"cat >/usr/local/bin/{place}; chmod 755 /usr/local/bin/{place}", stdin=KUBECTL)
    made = Cluster(machine)
    made.has("n2")
    return made


DRAIN = "drain n2 --ignore-daemonsets --delete-emptydir-data --timeout=2s"
CLOSE = [f"annotate node n2 pyhomelab/cordoned-by={RUN} --overwrite", "cordon n2"]
OPEN = ["uncordon n2", "annotate node n2 pyhomelab/cordoned-by-"]


@pytest.mark.parametrize("distribution", ["k3s", "kubeadm"])
def test_a_node_is_closed_and_emptied_and_opened_again(cluster: Cluster, distribution: str) -> None:
    node = Node("n2", "home", "k3s" if distribution == "k3s" else "kubeadm", ("n1",))
    drains = drain([node], RUN, cluster.reach, seconds=2)
    assert drains == Drains((Drained(node, is_ours=True, boot_id="boot-1"),))
    assert cluster.asked() == [*CLOSE, DRAIN]
    assert cluster.files("n2") == ["boot", "closed", "mark", "ready"]
    open_again(drains, cluster.reach, is_rebooted=False, seconds=2)
    assert cluster.asked() == [*CLOSE, DRAIN, *OPEN]
    assert cluster.files("n2") == ["boot", "ready"]


def test_a_node_that_a_person_has_closed_stays_closed(cluster: Cluster) -> None:
    cluster.do("echo true >/root/cluster/nodes/n2/closed")
    drains = drain([N2], RUN, cluster.reach, seconds=2)
    assert drains.drained == (Drained(N2, is_ours=False, boot_id="boot-1"),)
    open_again(drains, cluster.reach, is_rebooted=True, seconds=2)
    assert cluster.asked() == [DRAIN]
    assert "closed" in cluster.files("n2")


def test_a_node_that_a_deploy_before_has_left_closed_is_opened(cluster: Cluster) -> None:
    drain([N2], "20261120T120000Z-0123abcd", cluster.reach, seconds=2)
    drains = drain([N2], RUN, cluster.reach, seconds=2)
    assert drains.drained == (Drained(N2, is_ours=True, boot_id="boot-1"),)
    open_again(drains, cluster.reach, is_rebooted=False, seconds=2)
    assert cluster.files("n2") == ["boot", "ready"]


def test_what_a_deploy_that_was_killed_has_left_closed_is_opened_but_not_what_a_person_closed(cluster: Cluster) -> None:
    cluster.has("n3")
    cluster.do("echo true >/root/cluster/nodes/n3/closed")
    drain([N2], RUN, cluster.reach, seconds=2)
    nodes = [N2, Node("n3", "home", "k3s", ("n1",)), Node("n4", "home", "k3s", ())]
    open_again(left_closed(nodes), cluster.reach, is_rebooted=False, seconds=2)
    assert cluster.files("n2") == ["boot", "ready"]
    assert "closed" in cluster.files("n3")


def test_a_node_whose_pods_may_not_go_is_opened_again_and_the_reason_is_said(cluster: Cluster) -> None:
    cluster.do("touch /root/cluster/budget")
    with pytest.raises(NotDrained) as refused:
        drain([N2], RUN, cluster.reach, seconds=2)
    assert str(refused.value) == (
        f"n2: could not be emptied within 2 s: {EVICTING}; see to it that its pods may go elsewhere, and try again"
    )
    assert cluster.files("n2") == ["boot", "pods", "ready"]


def test_a_node_whose_pods_may_not_go_opens_those_before_it(cluster: Cluster) -> None:
    cluster.has("n3")
    cluster.do("touch /root/cluster/slow")
    nodes = [N2, Node("n3", "home", "k3s", ("n1",))]
    threading.Timer(2, lambda: cluster.do("touch /root/cluster/budget; rm /root/cluster/slow")).start()
    with pytest.raises(NotDrained, match=r"^n3: could not be emptied within 5 s: "):
        drain(nodes, RUN, cluster.reach, seconds=5)
    assert cluster.files("n2") == ["boot", "ready"]
    assert cluster.files("n3") == ["boot", "pods", "ready"]


def test_a_cluster_that_nobody_can_be_asked_about_is_said_and_not_drained(cluster: Cluster) -> None:
    alone = Node("n2", "home", "k3s", ())
    new = Node("n9", "home", "k3s", ("n1",))
    drains = drain([alone, new], RUN, cluster.reach, seconds=2)
    assert drains == Drains(
        said=(
            "n2 is not drained: no server of cluster home stays up without it",
            "n9 is not drained: cluster home does not have it yet",
        )
    )
    cluster.do("touch /root/cluster/down")
    refused = "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?"
    assert drain([N2], RUN, cluster.reach, seconds=2).said == (
        f"n2 is not drained: n1 cannot ask cluster home: {refused}",
    )
    cluster.is_reachable = False
    assert drain([N2], RUN, cluster.reach, seconds=2).said == (
        "n2 is not drained: cannot be reached: no route to host",
    )
    assert cluster.files("n2") == ["boot", "pods", "ready"]


def test_the_next_server_is_asked_where_one_does_not_answer(cluster: Cluster) -> None:
    node = Node("n2", "home", "k3s", ("n3", "n1"))
    assert drain([node], RUN, cluster.reach, seconds=2).drained == (Drained(node, is_ours=True, boot_id="boot-1"),)


def test_a_node_is_opened_when_kubernetes_has_seen_it_boot(cluster: Cluster) -> None:
    drains = drain([N2], RUN, cluster.reach, seconds=20)
    opening = threading.Thread(
        target=lambda: open_again(drains, cluster.reach, is_rebooted=True, seconds=60), daemon=True
    )
    opening.start()
    time.sleep(3)
    assert "closed" in cluster.files("n2"), "Kubernetes takes a node for ready long after it is gone"
    cluster.do("echo False >/root/cluster/nodes/n2/ready; echo boot-2 >/root/cluster/nodes/n2/boot")
    time.sleep(3)
    assert "closed" in cluster.files("n2")
    cluster.do("echo True >/root/cluster/nodes/n2/ready")
    opening.join(30)
    assert cluster.files("n2") == ["boot", "ready"]


def test_a_node_that_is_ready_though_it_has_not_booted_is_opened_when_the_time_is_over(cluster: Cluster) -> None:
    drains = drain([N2], RUN, cluster.reach, seconds=2)
    open_again(drains, cluster.reach, is_rebooted=True, seconds=2)
    assert cluster.files("n2") == ["boot", "ready"]


def test_a_node_that_is_not_ready_stays_closed_and_it_is_said(cluster: Cluster) -> None:
    cluster.has("n3")
    drains = drain([N2, Node("n3", "home", "k3s", ("n1",))], RUN, cluster.reach, seconds=2)
    cluster.do("echo Unknown >/root/cluster/nodes/n2/ready")
    with pytest.raises(NotOpened) as left:
        open_again(drains, cluster.reach, is_rebooted=False, seconds=2)
    assert str(left.value) == (
        "n2: still closed to new pods: n2 (it is not ready); when it is well: kubectl uncordon n2"
    )
    assert "closed" not in cluster.files("n3")
    cluster.do("echo True >/root/cluster/nodes/n2/ready; touch /root/cluster/down")
    with pytest.raises(
        NotOpened, match=r"^n2: still closed to new pods: n2 \(n1 cannot ask cluster home: The connection"
    ):
        open_again(Drains(drains.drained[:1]), cluster.reach, is_rebooted=False, seconds=2)


def test_a_connection_that_breaks_while_a_node_is_emptied_keeps_its_machine_from_rebooting(cluster: Cluster) -> None:
    cluster.do("touch /root/cluster/slow")
    node = Node("n2", "home", "k3s", ("n1", "n3"))
    threading.Timer(3, lambda: cluster.server.host.inside("pkill sshd-session")).start()
    with pytest.raises(NotDrained) as unknown:
        drain([node], RUN, cluster.reach, seconds=20)
    assert unknown.value.what.startswith("whether it is empty is not known: n1 the connection broke off")
    assert unknown.value.hint == "it may be closed still: kubectl uncordon n2"


def test_the_order_is_emptied_rebooted_opened(cluster: Cluster, started_hosts: dict[str, object]) -> None:
    """Of n1 itself: the server that is asked is on the same host here, which a real one never is."""
    assert started_hosts
    host = cluster.server.host
    cluster.has("n1", host.said(BOOT_ID))
    node = Node("n1", "home", "k3s", ("n1",))
    drains = drain([node], RUN, cluster.reach, seconds=2)
    new = cluster.server.given("boot.kernelPackages = lib.mkForce pkgs.linuxPackages_6_12;")
    order = Order(cluster.server.first, new, activation_seconds=20, probation_seconds=20)
    trial = Trial("n1", RUN, order, "mika@laptop (process 42)")
    assert reboot(trial, cluster.server.reach, lambda: None, boot_seconds=20).is_well
    assert "closed" in cluster.files("n1")
    cluster.do(f"{BOOT_ID} >/root/cluster/nodes/n1/boot")
    open_again(drains, cluster.reach, is_rebooted=True, seconds=5)
    assert cluster.files("n1") == ["boot", "ready"]
    assert [line.split()[0] for line in cluster.asked()] == ["annotate", "cordon", "drain", "uncordon", "annotate"]
