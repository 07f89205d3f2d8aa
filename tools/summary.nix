# What the files of every machine below `hosts` say, read by Nix alone: no module system, so no option is checked.
hosts:
let
  found = builtins.readDir hosts;
  isMachine =
    name: found.${name} == "directory" && builtins.pathExists (hosts + "/${name}/default.nix");
  # The owner's extra.nix is a function of the whole system.
  read =
    file:
    let
      content = import file;
    in
    if builtins.isFunction content then { } else content;
  concerns = content: builtins.attrNames (content.homelab or { });
  unique = names: builtins.attrNames (builtins.groupBy (name: name) names);
  summary =
    name:
    let
      machine = read (hosts + "/${name}/default.nix");
      parts = [ machine ] ++ map read machine.imports;
    in
    # Everything is looked at, so that no part of it can be wrong Nix.
    builtins.deepSeq parts
      "${name}: ${machine.networking.hostName}, ${machine.nixpkgs.hostPlatform}, sets ${builtins.concatStringsSep ", " (unique (builtins.concatMap concerns parts))}\n";
in
builtins.concatStringsSep "" (map summary (builtins.filter isMachine (builtins.attrNames found)))
