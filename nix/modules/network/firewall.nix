# What is open to whom, interface by interface.
{ config, lib, ... }:
let
  cfg = config.homelab.network;
  stack = import ./stack.nix { inherit lib cfg; };
  opens = _: interface: interface.firewall.tcp ++ interface.firewall.udp != [ ];
  severalAddresses = lib.length (lib.filter stack.hasAddress stack.all) > 1;
in
{
  config = lib.mkIf cfg.enable {
    networking.firewall = {
      trustedInterfaces = lib.attrNames (
        lib.filterAttrs (_: interface: interface.firewall.trusted) cfg.interfaces
      );

      interfaces = lib.mapAttrs (_: interface: {
        allowedTCPPorts = interface.firewall.tcp;
        allowedUDPPorts = interface.firewall.udp;
      }) (lib.filterAttrs opens cfg.interfaces);

      # A machine in two networks answers by the shorter way: to a packet that came in through one, out through the other.
      # The strict check drops such packets without a word.
      checkReversePath = lib.mkIf severalAddresses (lib.mkDefault "loose");
    };
  };
}
