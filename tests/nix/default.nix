# The lab's modules under nixpkgs' real lib.evalModules, with NixOS's options but none of its implementation.
{
  # A directory holding nixpkgs' lib.
  nixpkgsLib,
  # The option table as a tree: see tests/modules/option_tree.py.
  optionTree,
  # Checkouts of disko and sops-nix; without one its options are declared here and do nothing.
  disko ? null,
  sopsNix ? null,
  # The modules under test; without them the options stand alone.
  lab ? null,
}:
let
  lib = import nixpkgsLib;
  pkgs = import ./pkgs.nix { inherit lib; };
  inherit (import ./types.nix { inherit lib; }) declarations;

  base = [
    { options = declarations (lib.importJSON optionTree); }
    ./system.nix
    ./defaults.nix
    ./units.nix
    (if disko == null then ./disko.nix else disko + "/module.nix")
    (if sopsNix == null then ./sops.nix else withoutBuild (sopsNix + "/modules/sops"))
  ]
  ++ lib.optional (lab != null) lab;

  # sops-nix builds its own installer by default, which no stand-in for nixpkgs can.
  withoutBuild = module: {
    _file = ./default.nix;
    imports = [ module ];
    sops.package = lib.mkDefault pkgs.sops;
  };

  # Where definitions come from that are not the lab's.
  foreign = map toString (
    [ ./. ]
    ++ lib.filter (place: place != null) [
      disko
      sopsNix
    ]
  );

  system =
    module:
    lib.evalModules {
      modules = base ++ [ module ];
      specialArgs = {
        inherit pkgs;
        modulesPath = "/nixos/modules";
      };
      class = "nixos";
    };
in
{
  # One answer per named module; `select` takes what the module system made of it.
  evaluate =
    select:
    lib.mapAttrs (
      _: module:
      let
        evaluated = system module;
      in
      select {
        inherit lib pkgs foreign;
        inherit (evaluated) config options;
      }
    );
}
