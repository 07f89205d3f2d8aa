"""What nodes of any Kubernetes are asked, by the kubectl and with the credentials that each kind of node has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyhomelab.checks.check import NOT_JUDGED, Check, script

if TYPE_CHECKING:
    from pyhomelab.model import Cluster

_PATIENCE = 300
_API_PORT = 6443
_JOINED = f"""
    if ! [ -r "$CREDENTIALS" ]; then
        echo "$CREDENTIALS is not there: this machine has joined no cluster yet"
        exit {NOT_JUDGED}
    fi
    ask() {{
        $KUBECTL --kubeconfig "$CREDENTIALS" --request-timeout 10s "$@"
    }}
"""
_READY = """
    systemctl is-active --quiet "$UNIT" || { echo "$UNIT is not active"; exit 1; }
    answer=$(ask get node "$NODE" \\
        -o 'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status} {.message}{end}') || exit 1
    case $answer in
    "True "*) ;;
    *) echo "it is not ready: ${answer#* }" && exit 1 ;;
    esac
"""
_API_READY = """
    ask get --raw /readyz >/dev/null
"""
# Alive is whoever answers in HTTP over TLS; k3s says 401 to strangers.
_VIP_ANSWERS = """
    code=$(curl --disable --silent --show-error --insecure --noproxy '*' --max-time 5 \\
        --output /dev/null --write-out '%{http_code}' "$URL") || exit 1
    case $code in
    200 | 401 | 403) ;;
    *) echo "it answers with $code" && exit 1 ;;
    esac
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of a cluster, and how it is asked there: by which kubectl, as whom, about which unit."""

    machine: str
    cluster: str
    role: Literal["k3s", "kubeadm"]
    kubectl: str
    credentials: str
    unit: str

    def asked(self, name: str, text: str, mend: str, **values: str) -> Check:
        """Make a check that asks the API."""
        needs = (self.kubectl.partition(" ")[0],)
        values = {"CREDENTIALS": self.credentials, "KUBECTL": self.kubectl} | values
        return Check(name, self.role, script(_JOINED + text, needs=needs, **values), _PATIENCE, mend, self.cluster)

    def ready(self) -> Check:
        """Ask whether the node takes pods."""
        see = f"`{self.kubectl} describe node {self.machine}` on a server"
        mend = f"{see} and `journalctl -eu {self.unit}` on {self.machine} say what it lacks"
        return self.asked(f"node {self.machine} is Ready", _READY, mend, NODE=self.machine, UNIT=self.unit)

    def api_ready(self, *options: str) -> Check:
        """Ask whether this server's own API is ready, which it is not without etcd."""
        command = " ".join([self.kubectl, *options])
        see = f"{command} --kubeconfig {self.credentials} get --raw '/readyz?verbose'"
        mend = f"on {self.machine}, `{see}` says what is not"
        return self.asked(f"the API of {self.machine} is ready", _API_READY, mend, KUBECTL=command)


def vip_checks(cluster: Cluster, name: str, machine: str) -> list[Check]:
    """Ask whether the virtual address of a cluster, if it has one, leads to an API."""
    if cluster.vip is None:
        return []
    host = f"[{cluster.vip}]" if cluster.vip.version > 4 else str(cluster.vip)  # noqa: PLR2004 - IPv6 in a URL
    holder = f"`journalctl -eu keepalived` on the servers says who holds {cluster.vip}"
    return [
        Check(
            f"cluster {name} answers at {cluster.vip}",
            cluster.distribution,
            script(_VIP_ANSWERS, needs=("curl",), URL=f"https://{host}:{_API_PORT}/healthz"),
            patience=60,
            mend=f"{holder}; on {machine}, `ping {cluster.vip}` whether it gets there",
        )
    ]
