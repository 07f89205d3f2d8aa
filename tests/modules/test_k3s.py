from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.cluster_host import SECRETS, Machine, needs_shellcheck
from tests.modules.harness import evaluate, failed_assertions, needs_nixpkgs_lib, script
from tests.modules.programs import apart, needs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_nixpkgs_lib

COMMON = {"cluster": '"home"', "nodeIp": '"192.168.10.22"', "interface": '"ens3"'}
SERVERS = '{ k8s-1 = "192.168.10.21"; k8s-2 = "192.168.10.22"; k8s-3 = "192.168.10.23"; }'
SERVER = COMMON | {"servers": SERVERS, "joinAddress": '"192.168.10.50"'}
FIRST = SERVER | {"initialize": "true"}
AGENT = SERVER | {"role": '"agent"', "nodeIp": '"192.168.10.31"'}
ALONE = COMMON | {"servers": '{ k8s-2 = "192.168.10.22"; }'}
NFTABLES = "networking.nftables.enable = true;"


def machine(options: dict[str, str], more: str = "") -> str:
    given = "".join(f"{name} = {value};" for name, value in options.items())
    return f"""
        {{
          networking.hostName = "k8s-2";
          homelab.secrets.directory = {SECRETS};
          homelab.k3s = {{ enable = true; {given} }};
          {more}
        }}
    """


def service(options: dict[str, str], names: str, more: str = "") -> dict[str, Any]:
    found: dict[str, Any] = evaluate(machine(options, more), f"{{ inherit (config.services.k3s) {names}; }}")
    return found


def test_nothing_is_set_until_it_is_enabled() -> None:
    select = "config.services.k3s.enable || config.boot.kernelModules != [ ] || config.sops.secrets != { }"

    assert evaluate(f'{{ homelab.k3s = {{ cluster = "home"; servers = {SERVERS}; }}; }}', select) is False


@pytest.mark.parametrize("options", [SERVER, FIRST, AGENT, ALONE], ids=["server", "first", "agent", "alone"])
def test_every_kind_of_machine_stands_up_to_the_checks(options: dict[str, str]) -> None:
    assert failed_assertions(machine(options, NFTABLES)) == []
    assert evaluate(machine(options), "config.warnings") == []


# How a cluster comes to be


def test_the_first_server_starts_etcd_and_joins_nobody() -> None:
    assert service(FIRST, "role clusterInit serverAddr") == {
        "role": "server",
        "clusterInit": True,
        "serverAddr": "",
    }


def test_the_other_servers_join_at_the_shared_address() -> None:
    assert service(SERVER, "role clusterInit serverAddr environmentFile") == {
        "role": "server",
        "clusterInit": False,
        "serverAddr": "https://192.168.10.50:6443",
        "environmentFile": None,
    }


def test_an_ipv6_address_is_joined_in_brackets() -> None:
    joined = service(SERVER | {"joinAddress": '"fd00::50"'}, "serverAddr")

    assert joined == {"serverAddr": "https://[fd00::50]:6443"}


def test_a_single_server_keeps_sqlite() -> None:
    assert service(ALONE, "clusterInit serverAddr environmentFile") == {
        "clusterInit": False,
        "serverAddr": "",
        "environmentFile": None,
    }


def test_an_agent_knows_only_the_agents_token() -> None:
    assert service(AGENT, "role tokenFile agentTokenFile clusterInit disable") == {
        "role": "agent",
        "tokenFile": "/run/secrets/k3s-home-agent-token",
        "agentTokenFile": None,
        "clusterInit": False,
        "disable": [],
    }
    assert evaluate(machine(AGENT), "lib.attrNames config.sops.secrets") == ["k3s-home-agent-token"]


def test_a_server_gives_agents_a_token_of_their_own() -> None:
    assert service(SERVER, "tokenFile agentTokenFile") == {
        "tokenFile": "/run/secrets/k3s-home-token",
        "agentTokenFile": "/run/secrets/k3s-home-agent-token",
    }


# What runs


def test_a_bundled_component_runs_only_if_it_is_wanted() -> None:
    wanted = SERVER | {"components": '[ "coredns" "traefik" ]'}

    assert service(wanted, "disable") == {"disable": ["local-storage", "metrics-server", "servicelb"]}
    assert service(SERVER | {"components": "[ ]"}, "disable") == {
        "disable": ["coredns", "local-storage", "metrics-server", "servicelb", "traefik"],
    }


def test_a_servers_flags_say_all_that_servers_must_agree_on() -> None:
    more = {"clusterDns": '"10.43.0.10"', "tlsSans": '[ "k8s.home.arpa" ]', "extraFlags": '[ "--debug" ]'}

    assert service(SERVER | more, "extraFlags")["extraFlags"] == [
        "--flannel-iface=ens3",
        "--snapshotter=overlayfs",
        "--cluster-cidr=10.42.0.0/16",
        "--service-cidr=10.43.0.0/16",
        "--cluster-domain=cluster.local",
        "--cluster-dns=10.43.0.10",
        "--tls-san=192.168.10.50",
        "--tls-san=k8s.home.arpa",
        "--debug",
    ]


def test_an_agents_flags_are_its_own_affairs_only() -> None:
    assert service(AGENT, "extraFlags")["extraFlags"] == ["--flannel-iface=ens3", "--snapshotter=overlayfs"]


def test_a_pod_network_of_ones_own_finds_no_flannel_in_its_way() -> None:
    own = {"podNetwork": '"none"'}
    server, agent = (service(options | own, "extraFlags")["extraFlags"] for options in (FIRST, AGENT))

    assert {"--flannel-backend=none", "--disable-network-policy"} <= set(server)
    assert not any("flannel-iface" in flag for flag in server)
    assert not any("flannel" in flag for flag in agent)
    assert evaluate(machine(AGENT | own), "config.networking.firewall.interfaces.ens3.allowedUDPPorts") == []


def test_the_version_picks_the_package() -> None:
    package = "lib.getName config.services.k3s.package"

    assert evaluate(machine(SERVER | {"version": '"1.35"'}), package) == "k3s_1_35"
    assert evaluate(machine(SERVER), "config.services.k3s.package == pkgs.k3s") is True


def test_the_node_is_named_labelled_and_tainted() -> None:
    given = {"labels": '{ disk = "ssd"; }', "taints": '[ "gpu=yes:NoSchedule" ]'}

    assert service(AGENT | given, "nodeName nodeIP nodeLabel nodeTaint") == {
        "nodeName": "k8s-2",
        "nodeIP": "192.168.10.31",
        "nodeLabel": ["disk=ssd"],
        "nodeTaint": ["gpu=yes:NoSchedule"],
    }


def test_mirrors_are_asked_in_their_order() -> None:
    mirrors = {"registryMirrors": '{ "docker.io" = [ "https://m1.home.arpa" "http://m2.home.arpa:5000" ]; }'}

    text = evaluate(machine(AGENT | mirrors), 'config.environment.etc."rancher/k3s/registries.yaml".text')

    assert json.loads(text) == {
        "mirrors": {"docker.io": {"endpoint": ["https://m1.home.arpa", "http://m2.home.arpa:5000"]}},
    }


def test_without_mirrors_there_is_no_registry_file() -> None:
    assert evaluate(machine(AGENT), 'config.environment.etc ? "rancher/k3s/registries.yaml"') is False


def test_k3s_waits_for_the_clock_but_not_for_ever() -> None:
    select = """{
      inherit (config.systemd.services.k3s) after wants;
      limit = config.systemd.services.systemd-time-wait-sync.serviceConfig.TimeoutStartSec;
      upstream = config.systemd.additionalUpstreamSystemUnits;
    }"""

    assert evaluate(machine(SERVER), select) == {
        "after": ["time-sync.target"],
        "wants": ["time-sync.target"],
        "limit": "90s",
        "upstream": ["systemd-time-wait-sync.service"],
    }


def test_logind_waits_longer_than_the_pods_may_take() -> None:
    select = """{
      inherit (config.services.k3s.gracefulNodeShutdown) shutdownGracePeriod shutdownGracePeriodCriticalPods;
      inherit (config.services.logind.settings.Login) InhibitDelayMaxSec;
    }"""

    assert evaluate(machine(SERVER), select) == {
        "shutdownGracePeriod": "60s",
        "shutdownGracePeriodCriticalPods": "20s",
        "InhibitDelayMaxSec": "70s",
    }


# Ports


def ports(options: dict[str, str]) -> tuple[list[int], list[int]]:
    select = "with config.networking.firewall.interfaces.ens3; [ allowedTCPPorts allowedUDPPorts ]"
    tcp, udp = evaluate(machine(options), select)
    return tcp, udp


def test_an_agent_offers_its_kubelet_and_no_api() -> None:
    assert ports(AGENT) == ([10250], [8472])


def test_a_server_offers_its_api() -> None:
    assert ports(SERVER) == ([6443, 10250], [8472])


def test_nothing_is_open_on_other_interfaces() -> None:
    select = """with config.networking.firewall;
      { inherit allowedTCPPorts allowedUDPPorts; names = lib.attrNames interfaces; }"""

    assert evaluate(machine(SERVER), select) == {
        "allowedTCPPorts": [],
        "allowedUDPPorts": [],
        "names": ["ens3"],
    }


def test_a_node_trusts_its_own_pods_and_not_what_comes_in_as_vxlan() -> None:
    assert evaluate(machine(SERVER), "config.networking.firewall.trustedInterfaces") == ["cni0"]


@pytest.mark.parametrize("options", [AGENT, ALONE], ids=["agent", "alone"])
def test_etcd_is_closed_where_there_is_no_other_server(options: dict[str, str]) -> None:
    select = "with config.networking.firewall; extraInputRules + extraCommands"

    assert evaluate(machine(options, NFTABLES), select) == ""


def rules(more: str, options: dict[str, str] = SERVER) -> dict[str, str]:
    found: dict[str, str] = evaluate(
        machine(options, more), "{ inherit (config.networking.firewall) extraInputRules extraCommands; }"
    )
    return found


def test_nftables_lets_the_other_servers_reach_etcd() -> None:
    assert rules(NFTABLES) == {
        "extraInputRules": (
            "ip saddr 192.168.10.21 tcp dport { 2379, 2380 } accept\n"
            "ip saddr 192.168.10.23 tcp dport { 2379, 2380 } accept"
        ),
        "extraCommands": "",
    }


def test_iptables_lets_the_other_servers_reach_etcd() -> None:
    wanted = "-m multiport --dports 2379,2380 -j nixos-fw-accept"
    servers = {"servers": '{ k8s-1 = "fd00::21"; k8s-2 = "192.168.10.22"; k8s-3 = "192.168.10.23"; }'}

    assert rules("networking.nftables.enable = false;", SERVER | servers) == {
        "extraInputRules": "",
        "extraCommands": (
            f"ip6tables -A nixos-fw -p tcp -s fd00::21 {wanted}\niptables -A nixos-fw -p tcp -s 192.168.10.23 {wanted}"
        ),
    }


def chain(lines: str) -> str:
    return f"table inet nixos-fw {{\nchain input-allow {{\n{lines}\n}}\n}}\n"


@needs("nftables", "nft")
def test_nft_takes_the_rules_and_no_misspelt_one() -> None:
    check = 'printf "%s" "$1" | nft --check --file -'
    written = rules(NFTABLES)["extraInputRules"]

    assert apart(check, chain(written)).returncode == 0, apart(check, chain(written)).stdout
    assert apart(check, chain(written.replace("dport", "port"))).returncode != 0


# The first server's question


def first_server() -> str:
    select = "config.systemd.services.homelab-k3s-first-server.serviceConfig.ExecStart"
    return script(evaluate(machine(FIRST), select))


@pytest.fixture
def host(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def told(host: Machine) -> str:
    return (host.directory / "run/homelab-k3s/environment").read_text()


def test_the_question_is_asked_before_every_start_of_k3s() -> None:
    select = """with config.systemd.services.homelab-k3s-first-server; {
      inherit before wantedBy;
      again = !(serviceConfig ? RemainAfterExit);
      file = config.services.k3s.environmentFile;
    }"""

    assert evaluate(machine(FIRST), select) == {
        "before": ["k3s.service"],
        "wantedBy": ["k3s.service"],
        "again": True,
        "file": "/run/homelab-k3s/environment",
    }


def test_on_an_empty_disk_with_no_server_in_sight_a_cluster_is_started(host: Machine) -> None:
    done = host.run(first_server())

    assert done.returncode == 0
    assert done.stdout == "no other server answers: this machine starts the cluster home\n"
    assert told(host) == ""


def test_on_an_empty_disk_a_living_cluster_is_joined(host: Machine) -> None:
    host.answers("192.168.10.23 pong")

    done = host.run(first_server())

    assert (done.returncode, done.stdout) == (
        0,
        "192.168.10.23 answers: this machine joins its cluster, "
        "once k8s-2's old self is out of it (kubectl delete node k8s-2)\n",
    )
    assert told(host) == "K3S_URL=https://192.168.10.23:6443\n"


def test_a_server_that_has_its_cluster_on_disk_asks_nobody(host: Machine) -> None:
    (host.directory / "var/lib/rancher/k3s/server/db/etcd/member").mkdir(parents=True)
    host.answers("192.168.10.23 pong")

    assert host.run(first_server()).returncode == 0
    assert told(host) == ""
    assert host.calls() == []


@needs_shellcheck
def test_the_script_is_sound_shell_and_a_careless_one_is_noticed(tmp_path: Path) -> None:
    sound = first_server()
    careless = sound.replace('"$(dirname "$environment")"', "$(dirname $1)")

    assert careless != sound
    for text, expected in ((sound, 0), (careless, 1)):
        path = tmp_path / "script"
        path.write_text(text)
        assert subprocess.run(["shellcheck", path], capture_output=True, check=False).returncode == expected
