"""Links, bonds, VLANs and bridges of a machine, and its addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.allocation.identity import guest_mac
from pyhomelab.decide.options import Options, stated
from pyhomelab.decide.overview import Interface, Overview, carries_tagged, vlan_device
from pyhomelab.model.network import DHCP

if TYPE_CHECKING:
    from pyhomelab.model import Host, Inventory


def network_options(overview: Overview, name: str) -> Options:
    """Give `homelab.network` of a host or a guest."""
    inventory = overview.inventory
    host = inventory.hosts.get(name)
    links = _host_links(host) if host else _guest_links(inventory, name)
    devices = _devices(inventory, name, host) if host else {}
    interfaces = {interface.name: _interface(inventory, interface) for interface in overview.interfaces[name]}
    return {"network": stated({"enable": True, "links": links, **devices, "interfaces": interfaces})}


def _host_links(host: Host) -> Options:
    return {name: {"mac": link.mac} for name, link in host.links.items() if link.mac is not None}


def _guest_links(inventory: Inventory, guest: str) -> Options:
    links = inventory.guests[guest].links
    return {
        network: {"mac": link.mac or guest_mac(inventory.lab.name, guest, network)} for network, link in links.items()
    }


def _devices(inventory: Inventory, name: str, host: Host) -> Options:
    """Give the bonds, VLANs and bridges that a host's links ask for."""
    bonds, vlans, bridges = {}, {}, {}
    for link_name, link in host.links.items():
        if link.bond is not None:
            bonds[link_name] = {"members": list(link.bond.members), "mode": link.bond.mode}
        carried = {network: (tagged.bridge, True) for network, tagged in link.vlans.items()}
        if link.network is not None:
            carried = {link.network: (link.bridge, carries_tagged(inventory, name, link_name)), **carried}
        for network, (bridge, is_tagged) in carried.items():
            net = inventory.networks[network]
            device = vlan_device(link_name, net) if is_tagged else link_name
            if is_tagged:
                vlans[device] = {"id": net.vlan, "parent": link_name}
            if bridge is not None:
                bridges[bridge] = {"members": [device]}
        if link.network is None and link.bridge is not None:
            bridges[link.bridge] = {"members": [link_name]}
    return {"bonds": bonds, "vlans": vlans, "bridges": bridges}


def _interface(inventory: Inventory, interface: Interface) -> Options:
    net = inventory.networks[interface.network]
    firewall = net.firewall
    return stated(
        {
            "network": interface.network,
            "addresses": [f"{interface.address}/{net.cidr.prefixlen}"] if interface.is_static else [],
            "dhcp": True if interface.address == DHCP else None,
            "defaultRoute": False if interface.address == DHCP and not interface.default_route else None,
            "gateway": str(net.gateway) if net.gateway and interface.is_static and interface.default_route else None,
            "dns": [str(server) for server in net.dns] if interface.is_static else [],
            "mtu": net.mtu,
            "firewall": stated(
                {"trusted": firewall.trusted or None, "tcp": list(firewall.tcp), "udp": list(firewall.udp)}
            ),
        }
    )
