# The VM tests, with a test framework that hands back what it was given; disko comes with the modules under test.
{ nixpkgsLib }:
import ../../vm-tests {
  pkgs = {
    lib = import nixpkgsLib;
    testers.runNixOSTest = test: test;
  };
  disko.nixosModules.disko = { };
  pyhomelab = {
    type = "derivation";
    name = "pyhomelab";
    outPath = "/nix/store/00000000000000000000000000000000-pyhomelab";
  };
}
