# Stands in for sops-nix: an empty module of the same name.
{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs";
  outputs = _: { nixosModules.sops = ./sops.nix; };
}
