from __future__ import annotations

from typing import Any

import pytest

from tests.modules.harness import evaluate, evaluate_many, needs_nixpkgs_lib
from tests.modules.programs import apart, needs

pytestmark = needs_nixpkgs_lib

BRIDGE = """
    bridges.br-lan.members = [ "eno1" ];
    interfaces.br-lan = {
      network = "lan";
      addresses = [ "192.168.10.11/24" "fd00:10::11/64" ];
      gateway = "192.168.10.1";
      dns = [ "192.168.10.1" ];
    };
"""
# Two cards as one, two tagged networks on them, one of these bridged to guests.
STACK = """
    bonds.bond0 = { members = [ "eno1" "eno2" ]; mode = "802.3ad"; };
    vlans."bond0.20" = { id = 20; parent = "bond0"; };
    vlans."bond0.30" = { id = 30; parent = "bond0"; };
    bridges.br-lan.members = [ "bond0.30" ];
    interfaces."bond0.20" = { addresses = [ "10.10.20.11/24" ]; mtu = 9000; };
    interfaces.br-lan.addresses = [ "192.168.10.11/24" ];
"""


def machine(body: str, more: str = "") -> str:
    return f"""
        {{ config, lib, ... }}: {{
          networking.hostName = "dl1";
          homelab.network = {{ enable = true; {body} }};
          {more}
        }}
    """


def ask(body: str, select: str, more: str = "") -> Any:
    return evaluate(machine(body, more), select)


# A unit without the options that say nothing.
SPOKEN = 'lib.mapAttrs (_: unit: lib.filterAttrs (_: v: !(lib.elem v [ { } [ ] null "" true ])) unit)'


def units(body: str, kind: str = "networks", more: str = "") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = ask(body, f"{SPOKEN} config.systemd.network.{kind}", more)
    return found


def test_nothing_is_set_until_it_is_enabled() -> None:
    assert evaluate(f"{{ homelab.network = {{ {BRIDGE} }}; }}", "config.systemd.network.networks") == {}


# Devices


def test_a_bridge_speaks_no_spanning_tree() -> None:
    assert units(BRIDGE, "netdevs") == {
        "20-br-lan": {"netdevConfig": {"Kind": "bridge", "Name": "br-lan"}, "bridgeConfig": {"STP": False}},
    }


def test_a_stack_makes_every_device_of_it_but_the_cards() -> None:
    made = units(STACK, "netdevs")

    assert list(made) == ["20-bond0", "20-bond0.20", "20-bond0.30", "20-br-lan"]
    assert made["20-bond0.20"] == {
        "netdevConfig": {"Kind": "vlan", "Name": "bond0.20"},
        "vlanConfig": {"Id": 20},
    }
    assert made["20-bond0"] == {
        "netdevConfig": {"Kind": "bond", "Name": "bond0"},
        "bondConfig": {
            "Mode": "802.3ad",
            "MIIMonitorSec": "100ms",
            "TransmitHashPolicy": "layer3+4",
            "LACPTransmitRate": "fast",
        },
    }


@pytest.mark.parametrize(
    ("mode", "settings"),
    [
        ("active-backup", {}),
        ("balance-xor", {"TransmitHashPolicy": "layer3+4"}),
    ],
)
def test_every_bond_watches_its_cables(mode: str, settings: dict[str, str]) -> None:
    made = units(f'bonds.bond0 = {{ members = [ "a" ]; mode = "{mode}"; }};', "netdevs")["20-bond0"]

    assert made["bondConfig"] == {"Mode": mode, "MIIMonitorSec": "100ms", **settings}


def test_a_card_gets_its_name_by_its_permanent_address() -> None:
    assert units('links.lan.mac = "52:54:00:A1:b2:c3"; links.eno2 = { };', "links") == {
        "10-lan": {
            "matchConfig": {"PermanentMACAddress": "52:54:00:A1:b2:c3"},
            "linkConfig": {"Name": "lan"},
        },
    }


# Networks


def test_a_bridge_has_the_addresses_and_its_card_has_none() -> None:
    assert units(BRIDGE) == {
        "30-br-lan": {
            "matchConfig": {"Name": "br-lan"},
            "linkConfig": {"RequiredForOnline": "routable"},
            "networkConfig": {"Description": "lan", "IPv6AcceptRA": False},
            "DHCP": "no",
            "address": ["192.168.10.11/24", "fd00:10::11/64"],
            "gateway": ["192.168.10.1"],
            "dns": ["192.168.10.1"],
        },
        "30-eno1": {
            "matchConfig": {"Name": "eno1"},
            "linkConfig": {"RequiredForOnline": False},
            "networkConfig": {"LinkLocalAddressing": "no", "IPv6AcceptRA": False},
            "bridge": ["br-lan"],
        },
    }


def test_a_stack_hangs_together() -> None:
    found = units(STACK)
    kinds = ("bond", "vlan", "bridge")

    assert {name: {k: unit[k] for k in kinds if k in unit} for name, unit in found.items()} == {
        "30-eno1": {"bond": ["bond0"]},
        "30-eno2": {"bond": ["bond0"]},
        "30-bond0": {"vlan": ["bond0.20", "bond0.30"]},
        "30-bond0.20": {},
        "30-bond0.30": {"bridge": ["br-lan"]},
        "30-br-lan": {},
    }


def test_boot_waits_for_addresses_and_not_for_cables() -> None:
    waits = {name: unit["linkConfig"]["RequiredForOnline"] for name, unit in units(STACK).items()}

    assert waits == {
        "30-eno1": False,
        "30-eno2": False,
        "30-bond0": False,
        "30-bond0.20": "routable",
        "30-bond0.30": False,
        "30-br-lan": "routable",
    }


def test_boot_waits_a_minute_at_most() -> None:
    assert ask(BRIDGE, "config.systemd.network.wait-online.timeout") == 60


def test_a_bridge_for_guests_alone_has_its_address_before_the_first_of_them_runs() -> None:
    inner = units('bridges.br-inner = { }; interfaces.br-inner.addresses = [ "10.0.0.1/24" ];')["30-br-inner"]

    assert inner["linkConfig"] == {"RequiredForOnline": False}
    assert inner["networkConfig"] == {"ConfigureWithoutCarrier": True, "IPv6AcceptRA": False}


def test_a_bridge_without_an_address_is_silent() -> None:
    assert units('bridges.br-dmz.members = [ "eno2" ];')["30-br-dmz"]["networkConfig"] == {
        "LinkLocalAddressing": "no",
        "IPv6AcceptRA": False,
    }


def test_dhcp_brings_router_advertisements_and_says_the_cards_own_address() -> None:
    found = units("interfaces.eno1.dhcp = true;")["30-eno1"]

    assert found["DHCP"] == "ipv4"
    assert found["networkConfig"] == {"IPv6AcceptRA": True}
    assert found["dhcpV4Config"] == {"ClientIdentifier": "mac", "UseGateway": True}
    assert found["linkConfig"] == {"RequiredForOnline": "routable"}


def test_dhcp_may_leave_its_router_unused() -> None:
    found = units("interfaces.eno1 = { dhcp = true; defaultRoute = false; };")["30-eno1"]

    assert found["dhcpV4Config"]["UseGateway"] is False
    assert found["ipv6AcceptRAConfig"] == {"UseGateway": False}


def test_an_interface_may_have_ipv6_alone() -> None:
    found = units('interfaces.eno1 = { addresses = [ "fd00::11/64" ]; gateway = "fd00::1"; };')["30-eno1"]

    assert (found["address"], found["gateway"]) == (["fd00::11/64"], ["fd00::1"])


def test_addresses_that_others_set_survive_where_that_is_asked_for() -> None:
    body = BRIDGE + 'keepAddressesOn = [ "br-lan" ];'

    assert units(body)["30-br-lan"]["networkConfig"]["KeepConfiguration"] == "static"


def test_all_of_the_network_is_networkds() -> None:
    select = """{
      inherit (config.networking) useNetworkd useDHCP;
      networkd = config.systemd.network.enable;
      resolved = config.services.resolved.enable;
    }"""

    assert ask(BRIDGE, select) == {"useNetworkd": True, "useDHCP": False, "networkd": True, "resolved": True}


# Packet sizes


def mtus(body: str) -> dict[str, int | None]:
    return {name.removeprefix("30-"): unit["linkConfig"].get("MTUBytes") for name, unit in units(body).items()}


def test_a_large_vlan_raises_what_it_lies_on_and_leaves_its_neighbours_alone() -> None:
    assert mtus(STACK) == {
        "eno1": 9000,
        "eno2": 9000,
        "bond0": 9000,
        "bond0.20": 9000,
        "bond0.30": 1500,
        "br-lan": None,
    }


def test_a_bridge_beside_a_large_vlan_keeps_the_usual_size() -> None:
    body = (
        BRIDGE
        + """
        vlans."eno1.20" = { id = 20; parent = "eno1"; };
        interfaces."eno1.20" = { addresses = [ "10.10.20.11/24" ]; mtu = 9000; };
    """
    )

    assert mtus(body) == {"eno1": 9000, "eno1.20": 9000, "br-lan": 1500}


def test_a_large_bridge_raises_its_members() -> None:
    assert mtus(BRIDGE + "interfaces.br-lan.mtu = 9000;") == {"br-lan": 9000, "eno1": 9000}


def test_without_a_size_none_is_set() -> None:
    assert mtus(BRIDGE) == {"br-lan": None, "eno1": None}


def test_a_small_size_below_does_not_spread_upwards() -> None:
    body = 'vlans."eno1.20" = { id = 20; parent = "eno1"; }; interfaces.eno1.mtu = 1400;'

    assert mtus(body) == {"eno1": 1400, "eno1.20": None}


def test_an_address_on_a_raised_card_is_warned_about() -> None:
    module = machine("""
        vlans."eno1.20" = { id = 20; parent = "eno1"; };
        interfaces."eno1.20".mtu = 9000;
        interfaces.eno1.addresses = [ "192.168.10.11/24" ];
    """)

    assert evaluate(module, "config.warnings") == [
        (
            'homelab.network on dl1: "eno1" carries packets of 9000 bytes for "eno1.20" and uses them for '
            "its own address too; say interfaces.eno1.mtu = 9000 if that network takes them, "
            "or move the address to a VLAN"
        ),
    ]


def test_a_stack_with_large_packets_where_they_are_wanted_warns_of_nothing() -> None:
    assert ask(STACK, "config.warnings") == []


# Names


def test_every_machine_is_known_by_its_short_and_its_full_name() -> None:
    names = 'names = { dl2 = "192.168.10.12"; nas = "fd00::9"; };'

    assert ask(names, "config.networking.hosts", 'networking.domain = "home.arpa";') == {
        "192.168.10.12": ["dl2.home.arpa", "dl2"],
        "fd00::9": ["nas.home.arpa", "nas"],
    }


def test_machines_without_a_domain_are_known_by_their_short_names() -> None:
    assert ask('names.dl2 = "192.168.10.12";', "config.networking.hosts") == {"192.168.10.12": ["dl2"]}


def test_the_machines_own_name_leads_to_the_address_its_peers_use() -> None:
    nixos = 'networking.hosts."127.0.0.2" = [ "dl1" ];'

    assert ask('names.dl1 = "192.168.10.11";', "config.networking.hosts", nixos) == {
        "127.0.0.2": [],
        "192.168.10.11": ["dl1"],
    }


# Firewall

PORTS = (
    BRIDGE
    + """
    vlans."eno1.20" = { id = 20; parent = "eno1"; };
    interfaces.br-lan.firewall = { tcp = [ 80 443 ]; udp = [ 53 ]; };
    interfaces."eno1.20" = { addresses = [ "10.10.20.11/24" ]; firewall.trusted = true; };
"""
)
RULES = """
    let
      inherit (config.networking) firewall;
      ports = list: lib.concatMapStringsSep ", " toString list;
      rule = name: protocol: list:
        lib.optionalString (list != [ ]) "iifname ${name} ${protocol} dport { ${ports list} } accept\\n";
    in
    lib.concatStrings (lib.mapAttrsToList (name: open:
      rule name "tcp" open.allowedTCPPorts + rule name "udp" open.allowedUDPPorts) firewall.interfaces)
    + "iifname { ${lib.concatMapStringsSep ", " lib.strings.toJSON firewall.trustedInterfaces} } accept\\n"
"""
NFT = 'printf "%s" "$1" | nft --check --file -'


def ruleset(rules: str) -> str:
    """The rules in a table such as NixOS makes of them, where interface names stand without quotes."""
    head = "type filter hook input priority filter; policy drop;"
    return f"table inet nixos-fw {{\nchain input {{\n{head}\n{rules}}}\n}}\n"


def test_ports_are_open_on_their_interface_alone() -> None:
    select = """lib.mapAttrs (_: open: { tcp = open.allowedTCPPorts; udp = open.allowedUDPPorts; })
      config.networking.firewall.interfaces"""

    assert ask(PORTS, select) == {"br-lan": {"tcp": [80, 443], "udp": [53]}}
    assert ask(PORTS, "config.networking.firewall.allowedTCPPorts") == []


def test_a_trusted_interface_lets_everything_in() -> None:
    assert ask(PORTS, "config.networking.firewall.trustedInterfaces") == ["eno1.20"]


@needs("nftables", "nft")
def test_nft_takes_the_rules_that_come_of_it() -> None:
    rules = ask(PORTS, RULES)
    done = apart(NFT, ruleset(rules))

    assert "iifname br-lan tcp dport { 80, 443 } accept\n" in rules
    assert (done.returncode, done.stdout) == (0, "")


@needs("nftables", "nft")
def test_nft_refuses_an_interface_name_that_is_none() -> None:
    body = 'interfaces."10g".firewall = { tcp = [ 80 ]; trusted = true; };'
    done = apart(NFT, ruleset(ask(body, RULES)))

    assert done.returncode != 0
    assert "iifname 10g tcp dport { 80 } accept" in done.stdout


def test_a_machine_in_two_networks_takes_answers_by_either() -> None:
    asked = {"one": machine(BRIDGE), "two": machine(PORTS)}
    found = evaluate_many(asked, "config.networking.firewall.checkReversePath")

    assert found["two"] == "loose"
    assert found["one"] != "loose"
