# What is on each interface: the devices above it, its addresses, and whether the machine waits for it at boot.
{ config, lib, ... }:
let
  cfg = config.homelab.network;
  stack = import ./stack.nix { inherit lib cfg; };

  # An interface that only carries others speaks for nobody: no address of its own making, no ear for routers.
  silent = {
    LinkLocalAddressing = "no";
    IPv6AcceptRA = false;
  };

  addressed =
    name: interface:
    {
      address = interface.addresses;
      gateway = lib.optional (interface.gateway != null) interface.gateway;
      inherit (interface) dns;
      DHCP = if interface.dhcp then "ipv4" else "no";
      networkConfig = {
        # An address or a default route that a router announces is in no inventory; only where addresses are left to the
        # network it has a say. (It also brings DHCPv6 where the router asks for it.)
        IPv6AcceptRA = interface.dhcp;
      }
      // lib.optionalAttrs (interface.network != null) { Description = interface.network; }
      // lib.optionalAttrs (stack.isInner name) { ConfigureWithoutCarrier = true; }
      # networkd clears addresses it did not set when it restarts: the shared address of a cluster too. The price is
      # that an address taken out of the inventory stays on this interface until the next boot.
      // lib.optionalAttrs (lib.elem name cfg.keepAddressesOn) { KeepConfiguration = "static"; };
    }
    // lib.optionalAttrs interface.dhcp {
      dhcpV4Config = {
        # Home routers reserve by MAC address; networkd's own identifier looks like a different machine to them.
        ClientIdentifier = "mac";
        UseGateway = interface.defaultRoute;
      };
      ipv6AcceptRAConfig.UseGateway = interface.defaultRoute;
    };

  network =
    name:
    let
      mtu = stack.mtuOf name;
      waitedFor = stack.hasAddress name && !(stack.isInner name);
    in
    lib.mkMerge [
      {
        matchConfig.Name = name;
        bond = stack.bondsOf name;
        bridge = stack.bridgesOf name;
        vlan = stack.vlansOn name;

        linkConfig = {
          # Boot waits for addresses, not for cables. A port that is out is what bonds are for, and a bridge counts
          # through its own address; waiting for either would hold up every service until the timeout.
          RequiredForOnline = if waitedFor then "routable" else false;
        }
        // lib.optionalAttrs (mtu != null) { MTUBytes = mtu; };
      }
      (
        if stack.hasAddress name then addressed name cfg.interfaces.${name} else { networkConfig = silent; }
      )
    ];
in
{
  config = lib.mkIf cfg.enable {
    systemd.network = {
      enable = true;
      networks = lib.listToAttrs (map (name: lib.nameValuePair "30-${name}" (network name)) stack.all);
      # A cable that is out delays a boot by this long and no longer; the rest of the machine is worth having.
      wait-online.timeout = lib.mkDefault 60;
    };

    networking = {
      # What extra modules put into networking.interfaces goes through networkd too: scripts and networkd on one
      # machine take each other's addresses away.
      useNetworkd = true;
      # Only what is listed is configured. By default NixOS would ask for addresses on every other card.
      useDHCP = false;
    };

    services.resolved.enable = lib.mkDefault true; # the servers under `dns` reach programs through it alone
  };
}
