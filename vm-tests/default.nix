# The NixOS VM tests by name; every file beside this one is a test.
{
  pkgs,
  disko,
  pyhomelab ? pkgs.callPackage ../nix/package.nix { },
}:
let
  inherit (pkgs) lib;
  makeLabTest = import ./lib/make-lab-test.nix { inherit pkgs disko; };

  isTest = file: type: type == "regular" && lib.hasSuffix ".nix" file && file != "default.nix";
  files = lib.attrNames (lib.filterAttrs isTest (builtins.readDir ./.));
in
lib.genAttrs (map (lib.removeSuffix ".nix") files) (
  name:
  let
    test = import (./. + "/${name}.nix");
    described = if lib.isFunction test then test { inherit pyhomelab; } else test;
  in
  makeLabTest (described // { inherit name; })
)
