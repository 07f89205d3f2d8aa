# Stacks of interfaces that cannot be built, refused in words before networkd is left to log them.
{ config, lib, ... }:
let
  cfg = config.homelab.network;
  stack = import ./stack.nix { inherit lib cfg; };
  inherit (stack) all isMadeHere;

  quoted = lib.concatMapStringsSep " and " (name: "\"${name}\"");

  refuseEach = import ./refuse.nix { inherit config lib; };

  # nftables takes the name unquoted, and both NixOS's firewall and the kernel give "default" and "all" another meaning.
  isBadName =
    name:
    builtins.match "[A-Za-z_][A-Za-z0-9_.-]{0,14}" name == null
    || lib.elem name [
      "all"
      "default"
    ];

  # A card's name cannot be known from here, but these are names of things that somebody makes.
  looksMade = name: builtins.match ".*[.].*|bond.*|br[0-9-].*" name != null;
  isUnknown = name: looksMade name && !(isMadeHere name) && !(cfg.links ? ${name});

  kindsOf =
    name:
    lib.optional (cfg.bonds ? ${name}) "bonds"
    ++ lib.optional (cfg.bridges ? ${name}) "bridges"
    ++ lib.optional (cfg.vlans ? ${name}) "vlans";

  vlanNames = lib.attrNames cfg.vlans;
  sameTag = name: lib.filter (other: cfg.vlans.${other} == cfg.vlans.${name}) vlanNames;

  macOwners =
    mac:
    lib.attrNames (
      lib.filterAttrs (_: link: link.mac != null && lib.toLower link.mac == mac) cfg.links
    );
  macs = lib.unique (
    lib.concatMap (link: lib.optional (link.mac != null) (lib.toLower link.mac)) (
      lib.attrValues cfg.links
    )
  );
in
{
  config = lib.mkIf cfg.enable {
    assertions =
      refuseEach (lib.unique (all ++ lib.attrNames cfg.links)) isBadName (
        name:
        "\"${name}\" is no name for an interface; take a letter and up to 14 letters, digits, \"-\", \"_\" or \".\", and neither \"all\" nor \"default\""
      )
      ++ refuseEach all isUnknown (
        name:
        "\"${name}\" is used but nothing makes it; add it to bonds, vlans or bridges, or to links if a card has that name"
      )
      ++ refuseEach all (name: lib.length (kindsOf name) > 1) (
        name:
        "\"${name}\" is in ${lib.concatStringsSep " and in " (kindsOf name)}; give one of them another name"
      )
      ++ refuseEach all (name: lib.length (stack.bondsOf name ++ stack.bridgesOf name) > 1) (
        name:
        "\"${name}\" is a member of ${
          quoted (stack.bondsOf name ++ stack.bridgesOf name)
        }, but a card can be in one only; take it out of the others"
      )
      ++ refuseEach all (name: lib.elem name (stack.above name)) (
        name: "\"${name}\" lies on itself; look at the members and parents of ${quoted (stack.above name)}"
      )
      ++ refuseEach (lib.attrNames cfg.bonds) (name: cfg.bonds.${name}.members == [ ]) (
        name: "bond \"${name}\" has no members; list its cards in bonds.${name}.members"
      )
      ++ refuseEach all (name: stack.bondsOf name != [ ] && isMadeHere name) (
        name:
        "\"${name}\" cannot be a member of bond ${quoted (stack.bondsOf name)}; a bond takes network cards only"
      )
      ++ refuseEach all (name: stack.bondsOf name != [ ] && stack.vlansOn name != [ ]) (
        name:
        "${quoted (stack.vlansOn name)} cannot lie on \"${name}\", which is a member of a bond; put the VLAN on ${quoted (stack.bondsOf name)}"
      )
      ++ refuseEach all (name: stack.bridgesOf name != [ ] && cfg.bridges ? ${name}) (
        name:
        "bridge \"${name}\" cannot be a member of bridge ${quoted (stack.bridgesOf name)}; make the members of both members of one"
      )
      ++ refuseEach vlanNames (name: lib.head (sameTag name) == name && lib.length (sameTag name) > 1) (
        name:
        "${quoted (sameTag name)} are the same VLAN ${toString cfg.vlans.${name}.id} on \"${cfg.vlans.${name}.parent}\"; keep one of them"
      )
      ++ refuseEach macs (mac: lib.length (macOwners mac) > 1) (
        mac:
        "links ${quoted (macOwners mac)} have the same MAC address ${mac}; a card can have one name only"
      )
      ++
        refuseEach (lib.attrNames cfg.links)
          (name: cfg.links.${name}.mac != null && builtins.match "eth[0-9]+" name != null)
          (
            name:
            "\"${name}\" is a name the kernel gives out itself while it starts, so the card may not get it; call it lan0, for example"
          );
  };
}
