# Stands in for nixpkgs, which is too big to fetch for a test: its real lib (put beside this file by the test), and
# packages that are named like the real ones and hold nothing.
{
  outputs =
    { self }:
    let
      lib = import ./lib;
    in
    {
      lib = lib // {
        nixosSystem =
          { modules }:
          {
            inherit modules;
            config.system.build.toplevel = self.legacyPackages.x86_64-linux.fake "nixos-system-${baseNameOf (lib.last modules)}";
          };
      };
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
        system: import ./packages.nix { inherit lib system; }
      );
    };
}
