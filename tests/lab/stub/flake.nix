# Stands in for nixpkgs: its real lib and NixOS's real option names, with a system that is small enough to build here.
# tests/lab/stand_ins.py puts beside this file what it reads: lib, data, nix (tests/nix), option-tree.json and busybox.
{
  outputs = _: {
    lib = import ./lib // {
      nixosSystem =
        { modules }:
        let
          nixos = import ./nix {
            nixpkgsLib = ./lib;
            optionTree = ./option-tree.json;
          };
          evaluated = nixos.evaluate (system: system) {
            machine.imports = modules ++ [
              ./options.nix
              ./toplevel.nix
            ];
          };
        in
        {
          inherit (evaluated.machine) config options pkgs;
        };
    };
  };
}
