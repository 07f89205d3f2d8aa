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
            config.system.build =
              let
                inherit (self.legacyPackages.x86_64-linux) fake;
                # Images are called after the module of nixpkgs that makes them.
                image =
                  part: fake "${part}-of-${builtins.unsafeDiscardStringContext (baseNameOf (lib.head modules))}";
              in
              lib.genAttrs [ "isoImage" "kernel" "netbootIpxeScript" "netbootRamdisk" ] image
              // {
                toplevel = fake "nixos-system-${baseNameOf (lib.last modules)}";
              };
          };
      };
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
        system: import ./packages.nix { inherit lib system; }
      );
    };
}
