# The lab of this repository. Nobody installs it, so nobody has made its secrets: it evaluates without them.
{
  nixpkgs,
  disko,
  sops-nix,
  hosts,
}:
import ./lab.nix {
  inherit
    nixpkgs
    disko
    sops-nix
    hosts
    ;
  modules = nixpkgs.lib.optional (!builtins.pathExists (hosts + "/secrets")) ./without-secrets.nix;
}
