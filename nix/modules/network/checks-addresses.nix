# Addresses that cannot work where they are.
{ config, lib, ... }:
let
  cfg = config.homelab.network;
  stack = import ./stack.nix { inherit lib cfg; };
  names = lib.attrNames cfg.interfaces;

  refuseEach = import ./refuse.nix { inherit config lib; };

  familyOf = address: if lib.hasInfix ":" address then "IPv6" else "IPv4";
  familiesOn = name: map familyOf cfg.interfaces.${name}.addresses;

  hasPrefix = address: builtins.match "[0-9a-fA-F.:]+/[0-9]{1,3}" address != null;
  bareAddresses = lib.concatMap (
    name:
    map (address: { inherit name address; }) (
      lib.filter (address: !hasPrefix address) cfg.interfaces.${name}.addresses
    )
  ) names;

  gatewayOf = name: cfg.interfaces.${name}.gateway;
  withGateway =
    family: lib.filter (name: gatewayOf name != null && familyOf (gatewayOf name) == family) names;

  speaks =
    name:
    let
      inherit (cfg.interfaces.${name}) firewall;
    in
    stack.hasAddress name || firewall.trusted || firewall.tcp ++ firewall.udp != [ ];

  isRaised =
    name:
    stack.hasAddress name
    && stack.mtuNeeded name != null
    && stack.mtuNeeded name != cfg.interfaces.${name}.mtu;
in
{
  config = lib.mkIf cfg.enable {
    assertions =
      refuseEach names (name: stack.isPort name && speaks name) (
        name:
        let
          holder = lib.head (stack.bondsOf name ++ stack.bridgesOf name);
        in
        "\"${name}\" is a member of \"${holder}\" and has no addresses and no firewall of its own; move them to interfaces.${holder}"
      )
      # networkd reads a bare address as a /32 and the machine would reach nobody.
      ++ refuseEach bareAddresses (_: true) (
        bare:
        "address \"${bare.address}\" of \"${bare.name}\" has no prefix length; write it as in \"192.168.10.11/24\""
      )
      ++
        refuseEach names
          (
            name:
            gatewayOf name != null
            && !cfg.interfaces.${name}.dhcp
            && !(lib.elem (familyOf (gatewayOf name)) (familiesOn name))
          )
          (
            name:
            "gateway ${gatewayOf name} of \"${name}\" cannot be reached, as \"${name}\" has no ${familyOf (gatewayOf name)} address; add one or remove the gateway"
          )
      ++
        refuseEach
          [
            "IPv4"
            "IPv6"
          ]
          (family: lib.length (withGateway family) > 1)
          (
            family:
            "${
              lib.concatMapStringsSep " and " (name: "\"${name}\"") (withGateway family)
            } each have an ${family} gateway, and which of them is used would be left to chance; keep one"
          );

    warnings = map (
      name:
      "homelab.network on ${config.networking.hostName}: \"${name}\" carries packets of ${toString (stack.mtuNeeded name)} bytes for ${
        lib.concatMapStringsSep " and " (upper: "\"${upper}\"") (stack.above name)
      } and uses them for its own address too; say interfaces.${name}.mtu = ${toString (stack.mtuNeeded name)} if that network takes them, or move the address to a VLAN"
    ) (lib.filter isRaised names);
  };
}
