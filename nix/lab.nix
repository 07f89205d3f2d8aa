# Every machine that has a directory under `hosts`, as a NixOS system. A generated lab carries a copy of this file.
{
  nixpkgs,
  disko,
  sops-nix,
  hosts,
  modules ? [ ], # what all machines get besides their own files
}:
let
  inherit (nixpkgs) lib;
  found = lib.optionalAttrs (builtins.pathExists hosts) (builtins.readDir hosts);
  isMachine = name: type: type == "directory" && builtins.pathExists (hosts + "/${name}/default.nix");
  # These two folders lie beside the machines and are none.
  machines = lib.filterAttrs isMachine (
    removeAttrs found [
      "examples"
      "secrets"
    ]
  );
in
lib.mapAttrs (
  name: _:
  lib.nixosSystem {
    modules = [
      ./modules
      disko.nixosModules.disko
      sops-nix.nixosModules.sops
      (hosts + "/${name}")
    ]
    ++ modules;
  }
) machines
