# The devices that exist because we say so, and the names of those that exist anyway.
{ config, lib, ... }:
let
  cfg = config.homelab.network;

  spreads = [
    "802.3ad"
    "balance-xor"
  ];

  netdev = Kind: name: settings: {
    name = "20-${name}";
    value = {
      netdevConfig = {
        inherit Kind;
        Name = name;
      };
    }
    // settings;
  };

  bond =
    name: bond:
    netdev "bond" name {
      bondConfig = {
        Mode = bond.mode;
        # Without it the bond never looks at its cables and goes on sending into one that is out.
        MIIMonitorSec = "100ms";
      }
      // lib.optionalAttrs (lib.elem bond.mode spreads) {
        # By port as well as address: two hosts that copy several volumes to each other use more than one cable.
        TransmitHashPolicy = "layer3+4";
      }
      // lib.optionalAttrs (bond.mode == "802.3ad") {
        # A dead partner is noticed in three seconds; at the slow rate it takes ninety.
        LACPTransmitRate = "fast";
      };
    };

  vlan = name: vlan: netdev "vlan" name { vlanConfig.Id = vlan.id; };

  # No spanning tree: a bridge with one way out cannot make a loop, and a home switch may block a port that speaks it.
  bridge = name: _: netdev "bridge" name { bridgeConfig.STP = false; };

  link = name: link: {
    name = "10-${name}";
    value = {
      # The address burnt into the card. Bridges, bonds and VLANs carry a copy of it, and must not get the card's name.
      matchConfig.PermanentMACAddress = link.mac;
      linkConfig.Name = name;
    };
  };
in
{
  config = lib.mkIf cfg.enable {
    systemd.network = {
      links = lib.mapAttrs' link (lib.filterAttrs (_: link: link.mac != null) cfg.links);
      netdevs = lib.mkMerge [
        (lib.mapAttrs' bond cfg.bonds)
        (lib.mapAttrs' vlan cfg.vlans)
        (lib.mapAttrs' bridge cfg.bridges)
      ];
    };
  };
}
