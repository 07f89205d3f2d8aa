from __future__ import annotations

from typing import Any

import pytest

from tests.modules.harness import EvaluationError, evaluate, failed_assertions, needs_nixpkgs_lib
from tests.modules.programs import apart, needs

pytestmark = needs_nixpkgs_lib

SERVER = {
    "address": '"192.168.10.50"',
    "interface": '"br-lan"',
    "routerId": "51",
    "priority": "150",
    "source": '"192.168.10.11"',
    "peers": '[ "192.168.10.12" "192.168.10.13" ]',
}
IPV6 = {"address": '"fd00::50"', "source": '"fd00::11"', "peers": '[ "fd00::12" ]'}
NETWORK = """
    homelab.network = {
      enable = true;
      bridges.br-lan.members = [ "eno1" ];
      interfaces.br-lan.addresses = [ "192.168.10.11/24" ];
    };
"""


def machine(more: str = "networking.nftables.enable = true;", **changes: str) -> str:
    options = "".join(f"{name} = {value};" for name, value in (SERVER | changes).items())
    return f"""
        {{
          networking.hostName = "dl1";
          homelab.vip = {{ enable = true; {options} }};
          {more}
        }}
    """


def keepalived(**changes: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one instance and its one check."""
    select = "with config.services.keepalived; [ vrrpInstances.homelab-vip vrrpScripts.homelab-vip ]"
    instance, check = evaluate(machine(**changes), select)
    return instance, check


def test_nothing_is_set_until_it_is_enabled() -> None:
    select = "config.services.keepalived.enable || config.users.users ? keepalived_script"

    assert evaluate("{ }", select) is False


# The instance


def test_the_peers_are_told_one_by_one_and_nobody_takes_the_address_back() -> None:
    instance, _ = keepalived()

    assert {name: value for name, value in instance.items() if value not in (None, False, [])} == {
        "interface": "br-lan",
        "state": "BACKUP",
        "noPreempt": True,
        "virtualRouterId": 51,
        "priority": 150,
        "unicastSrcIp": "192.168.10.11",
        "unicastPeers": ["192.168.10.12", "192.168.10.13"],
        "virtualIps": [{"addr": "192.168.10.50/32", "brd": None, "dev": None, "label": None, "scope": None}],
        "trackScripts": ["homelab-vip"],
        "extraConfig": "check_unicast_src",
    }


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({"prefixLength": "24"}, "192.168.10.50/24"),
        (IPV6, "fd00::50/128"),
    ],
)
def test_the_address_stands_alone_unless_a_prefix_is_given(changes: dict[str, str], address: str) -> None:
    instance, _ = keepalived(**changes)

    assert instance["virtualIps"][0]["addr"] == address


def test_the_check_runs_as_a_user_without_rights_and_has_to_succeed_first() -> None:
    _, check = keepalived()
    user = evaluate(machine(), "with config.users.users.keepalived_script; [ isSystemUser group ]")

    assert (check["user"], check["extraConfig"]) == ("keepalived_script", "init_fail")
    assert user == [True, "keepalived_script"]


def test_a_restart_of_networkd_leaves_the_address_where_it_is() -> None:
    select = 'config.systemd.network.networks."30-br-lan".networkConfig.KeepConfiguration'

    assert evaluate(machine(NETWORK), select) == "static"


# Firewall


def rules(**changes: str) -> str:
    text: str = evaluate(machine(**changes), "config.networking.firewall.extraInputRules")
    return text


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, "ip saddr { 192.168.10.12, 192.168.10.13 }"),
        (IPV6, "ip6 saddr { fd00::12 }"),
    ],
    ids=["IPv4", "IPv6"],
)
def test_peers_and_nobody_else_may_speak_vrrp(changes: dict[str, str], rule: str) -> None:
    assert rules(**changes) == f'iifname "br-lan" {rule} meta l4proto 112 accept comment "homelab.vip"\n'


def test_without_peers_nothing_is_let_in() -> None:
    assert rules(peers="[ ]") == ""


NFT = 'printf "table inet t {\nchain c {\n%s}\n}\n" "$1" | nft --check --file -'


@needs("nftables", "nft")
@pytest.mark.parametrize("changes", [{}, IPV6], ids=["IPv4", "IPv6"])
def test_nft_takes_the_rule(changes: dict[str, str]) -> None:
    done = apart(NFT, rules(**changes))

    assert (done.returncode, done.stdout) == (0, "")


@needs("nftables", "nft")
def test_nft_refuses_a_peer_that_is_no_address() -> None:
    done = apart(NFT, rules(peers='[ "192.168.10.400" ]'))

    assert done.returncode != 0
    assert "192.168.10.400" in done.stdout


def test_without_nftables_iptables_lets_the_peers_in() -> None:
    select = "{ inherit (config.networking.firewall) extraInputRules extraCommands extraStopCommands; }"

    module = machine("networking.nftables.enable = false;", peers='[ "192.168.10.12" ]')
    rule = "nixos-fw -i br-lan -s 192.168.10.12 -p 112 -j nixos-fw-accept"

    assert evaluate(module, select) == {
        "extraInputRules": "",
        "extraCommands": f"iptables -w -A {rule}",
        "extraStopCommands": f"iptables -w -D {rule} 2>/dev/null || true",
    }


# Mistakes


MISTAKES = {
    "its own address": (
        {"address": '"192.168.10.11"'},
        "address 192.168.10.11 is this machine's own; take one that no machine has",
    ),
    "itself a peer": (
        {"peers": '[ "192.168.10.11" "192.168.10.12" ]'},
        "peers holds this machine's own address 192.168.10.11; list the other machines only",
    ),
    "a peer's address": (
        {"address": '"192.168.10.12"'},
        "address 192.168.10.12 is also in peers; take an address that no machine has",
    ),
    "two families": (
        {"address": '"fd00::50"'},
        "address, source and peers mix IPv4 and IPv6; keepalived speaks one of them for one shared address",
    ),
    "a prefix that is too long": (
        {"prefixLength": "64"},
        "prefixLength 64 is too long for 192.168.10.50; it is at most 32",
    ),
    "another interface": (
        {"interface": '"eno2"'},
        (
            "interface eno2 does not have the address 192.168.10.11 (source); "
            "name the one of homelab.network.interfaces that has it"
        ),
    ),
}


@pytest.mark.parametrize(("changes", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_shared_address_that_cannot_work_is_refused(changes: dict[str, str], message: str) -> None:
    assert failed_assertions(machine(NETWORK, **changes)) == [f"homelab.vip on dl1: {message}"]


@pytest.mark.parametrize("more", ["", NETWORK], ids=["without homelab.network", "with homelab.network"])
def test_a_shared_address_that_can_work_is_no_mistake(more: str) -> None:
    assert failed_assertions(machine(more)) == []


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("routerId", "0"),
        ("priority", "255"),
        ("checkPort", "70000"),
    ],
)
def test_a_number_out_of_range_is_refused_by_its_option(option: str, value: str) -> None:
    with pytest.raises(EvaluationError, match=rf"homelab\.vip\.{option}"):
        evaluate(machine(**{option: value}), f"config.homelab.vip.{option}")
