{ lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.homelab.vip = {
    enable = lib.mkEnableOption "an address that this machine shares with its peers";
    address = mkOption {
      type = types.singleLineStr;
      example = "192.168.10.50";
      description = "The shared address, IPv4 or IPv6.";
    };
    prefixLength = mkOption {
      type = types.nullOr (types.ints.between 1 128);
      default = null; # /32 or /128: the route to the subnet belongs to the machine's own address
      example = 24;
      description = "Prefix length the address is set with; null stands for the address alone.";
    };
    interface = mkOption {
      type = types.singleLineStr;
      example = "br-lan";
      description = "Interface that carries the address and the peers' messages.";
    };
    routerId = mkOption {
      type = types.ints.between 1 255;
      example = 51;
      description = "VRRP router id: the same on all peers, different from that of any other shared address in the same network.";
    };
    priority = mkOption {
      type = types.ints.between 1 254; # 255 claims to own the address and takes it back from anybody
      default = 100;
      example = 150;
      description = "Who gets the address when several peers come up at once; highest wins.";
    };
    source = mkOption {
      type = types.singleLineStr;
      example = "192.168.10.11";
      description = "This machine's own address on the interface.";
    };
    peers = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      example = [
        "192.168.10.12"
        "192.168.10.13"
      ];
      description = "Addresses of the other machines that share the address.";
    };
    checkPort = mkOption {
      type = types.port;
      default = 6443;
      example = 8443;
      description = "Port on which this machine's Kubernetes API has to answer for it to hold the address.";
    };
  };
}
