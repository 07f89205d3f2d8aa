# What lies on what: pure questions about `homelab.network`, asked by the files beside this one.
{ lib, cfg }:
let
  holders =
    groups: name: lib.attrNames (lib.filterAttrs (_: group: lib.elem name group.members) groups);

  membersOf = groups: lib.concatMap (group: group.members) (lib.attrValues groups);

  ownMtu = name: cfg.interfaces.${name}.mtu or null;
in
rec {
  bondsOf = holders cfg.bonds;
  bridgesOf = holders cfg.bridges;
  vlansOn = name: lib.attrNames (lib.filterAttrs (_: vlan: vlan.parent == name) cfg.vlans);

  directlyAbove = name: bondsOf name ++ bridgesOf name ++ vlansOn name;

  directlyBelow =
    name:
    cfg.bonds.${name}.members or [ ]
    ++ cfg.bridges.${name}.members or [ ]
    ++ lib.optional (cfg.vlans ? ${name}) cfg.vlans.${name}.parent;

  # genericClosure visits each name once, so a stack that bites its own tail ends here and is refused in words later.
  above =
    name:
    let
      nodes = map (key: {
        inherit key;
      });
      found = lib.genericClosure {
        startSet = nodes (directlyAbove name);
        operator = node: nodes (directlyAbove node.key);
      };
    in
    map (node: node.key) found;

  isMadeHere = name: cfg.bonds ? ${name} || cfg.vlans ? ${name} || cfg.bridges ? ${name};

  # Every interface that gets a unit.
  all = lib.unique (
    lib.concatMap lib.attrNames [
      cfg.bonds
      cfg.bridges
      cfg.interfaces
      cfg.vlans
    ]
    ++ membersOf cfg.bonds
    ++ membersOf cfg.bridges
    ++ lib.mapAttrsToList (_: vlan: vlan.parent) cfg.vlans
  );

  isPort = name: bondsOf name ++ bridgesOf name != [ ];

  # A bridge that guests alone are on: it has no carrier until the first of them runs.
  isInner = name: cfg.bridges ? ${name} && cfg.bridges.${name}.members == [ ];

  hasAddress =
    name:
    cfg.interfaces ? ${name}
    && (cfg.interfaces.${name}.addresses != [ ] || cfg.interfaces.${name}.dhcp);

  # The packet size an interface needs for itself and for all that lies on it; null when nobody says anything.
  mtuNeeded =
    name:
    let
      wanted = lib.filter (mtu: mtu != null) (map ownMtu ([ name ] ++ above name));
    in
    if wanted == [ ] then null else lib.foldl' lib.max 0 wanted;

  # A VLAN or bridge takes over the size of what it lies on, also where that was raised for the sake of a neighbour.
  # Whoever did not ask for large packets is therefore told the usual size.
  mtuOf =
    name:
    let
      needed = mtuNeeded name;
      isLarge = mtu: mtu != null && mtu > 1500;
      inherits = lib.any (lower: isLarge (mtuNeeded lower)) (directlyBelow name);
    in
    if needed == null && inherits then 1500 else needed;
}
