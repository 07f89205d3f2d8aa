{ lib, ... }:
let
  inherit (lib) mkOption types;

  members =
    description:
    mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      example = [
        "eno1"
        "eno2"
      ];
      inherit description;
    };

  ports =
    protocol:
    mkOption {
      type = types.listOf types.port;
      default = [ ];
      example = [ 8080 ];
      description = "${protocol} ports that are open to everybody who reaches this interface.";
    };

  bond.options = {
    members = members "Network cards that act as one.";
    mode = mkOption {
      type = types.enum [
        "802.3ad"
        "active-backup"
        "balance-alb"
        "balance-rr"
        "balance-tlb"
        "balance-xor"
        "broadcast"
      ];
      default = "active-backup"; # the one mode that needs nothing from the switch
      example = "802.3ad";
      description = "How the cards share the work. `802.3ad` (LACP) must be set up on the switch's ports as well.";
    };
  };

  vlan.options = {
    id = mkOption {
      type = types.ints.between 1 4094;
      example = 20;
      description = "The VLAN's number on the wire.";
    };
    parent = mkOption {
      type = types.singleLineStr;
      example = "eno1";
      description = "Card, bond or bridge that carries the tagged frames.";
    };
  };

  bridge.options.members = members "Cards, bonds or VLANs that are ports of the bridge; guests join at run time.";

  link.options.mac = mkOption {
    type = types.nullOr (types.strMatching "([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}");
    default = null;
    example = "52:54:00:a1:b2:c3";
    description = "Permanent MAC address of the card that gets this name; null leaves naming to udev.";
  };

  interface.options = {
    network = mkOption {
      type = types.nullOr types.singleLineStr;
      default = null;
      example = "lan";
      description = "Name of the lab's network behind this interface. For people: it ends up in the unit's description.";
    };
    addresses = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      example = [ "192.168.10.11/24" ];
      description = "IPv4 and IPv6 addresses with their prefix length.";
    };
    dhcp = mkOption {
      type = types.bool;
      default = false;
      description = "Whether addresses come from DHCP and from IPv6 router advertisements.";
    };
    defaultRoute = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the router that DHCP or IPv6 names here is used; false on all interfaces but one.";
    };
    gateway = mkOption {
      type = types.nullOr types.singleLineStr;
      default = null;
      example = "192.168.10.1";
      description = "Router to everywhere else. One interface per address family may have one.";
    };
    dns = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      example = [ "192.168.10.1" ];
      description = "Name servers that are asked through this interface.";
    };
    mtu = mkOption {
      type = types.nullOr (types.ints.between 1280 65535); # IPv6 does not work below 1280
      default = null;
      example = 9000;
      description = "Largest packet of this interface; whatever carries it is raised to the same size.";
    };
    firewall = {
      trusted = mkOption {
        type = types.bool;
        default = false;
        description = "Whether everything that comes in through this interface is let in.";
      };
      tcp = ports "TCP";
      udp = ports "UDP";
    };
  };

  named =
    kind: example: description:
    mkOption {
      type = types.attrsOf (types.submodule kind);
      default = { };
      example = lib.literalExpression example;
      inherit description;
    };
in
{
  options.homelab.network = {
    enable = lib.mkEnableOption "the network of this machine as systemd-networkd units";

    names = mkOption {
      type = types.attrsOf types.singleLineStr;
      default = { };
      example = {
        dl1 = "192.168.10.11";
        k8s-1 = "192.168.10.21";
      };
      description = "Address of every machine of the lab, so that they find each other while no name server answers.";
    };

    bonds =
      named bond ''{ bond0 = { members = [ "eno1" "eno2" ]; mode = "802.3ad"; }; }''
        "Cards that act as one.";
    vlans =
      named vlan ''{ "eno1.20" = { id = 20; parent = "eno1"; }; }''
        "Tagged networks by interface name.";
    bridges =
      named bridge ''{ br-lan.members = [ "eno1" ]; }''
        "Switches inside the machine, for its guests.";
    links = named link ''{ lan.mac = "52:54:00:a1:b2:c3"; }'' "Cards by the name they shall have.";
    interfaces =
      named interface ''{ br-lan = { addresses = [ "192.168.10.11/24" ]; gateway = "192.168.10.1"; }; }''
        "Interfaces that have an address, a packet size or open ports.";

    keepAddressesOn = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      internal = true;
      example = [ "br-lan" ];
      description = "Interfaces on which other programs set addresses, which networkd then leaves alone.";
    };
  };
}
