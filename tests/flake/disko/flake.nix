# Stands in for disko: an empty module of the same name.
{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs";
  outputs = _: { nixosModules.disko = ./disko.nix; };
}
