# A port of this computer leads to the ssh of the machine, over a network card of its own that the lab knows nothing of.
{ port }:
{ lib, ... }:
{
  virtualisation.forwardPorts = [
    {
      from = "host";
      host = {
        inherit port;
        address = "127.0.0.1";
      };
      guest.port = 22;
    }
  ];
  systemd.network.networks."10-eth0" = {
    matchConfig.Name = "eth0";
    DHCP = "ipv4";
    linkConfig.RequiredForOnline = false;
    # The way out stays the one of the inventory.
    dhcpV4Config = {
      UseGateway = false;
      UseDNS = false;
    };
  };
  networking.firewall.checkReversePath = lib.mkVMOverride "loose";
}
