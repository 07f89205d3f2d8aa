{
  description = "A home lab, made from hosts/inventory.yaml";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    disko = {
      url = "github:nix-community/disko";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    sops-nix = {
      url = "github:Mic92/sops-nix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    # The machines are built without pyhomelab. To pin the program beside them, name your copy of it here; then
    # `nix run .#pyhomelab -- gen` runs it.
    # pyhomelab = {
    #   url = "git+file:///home/you/pyhomelab";
    #   inputs.nixpkgs.follows = "nixpkgs";
    # };
  };

  outputs =
    { nixpkgs, ... }@inputs:
    let
      forEachSystem = nixpkgs.lib.genAttrs [
        "x86_64-linux"
        "aarch64-linux"
      ];
    in
    {
      nixosConfigurations = import ./nix/lab.nix {
        inherit (inputs) nixpkgs disko sops-nix;
        hosts = ./hosts;
      };
      formatter = forEachSystem (system: nixpkgs.legacyPackages.${system}.nixfmt-tree);
      packages = forEachSystem (
        system:
        # What a bare machine is started from, so that `pyhomelab facts` and `pyhomelab install` reach it.
        import ./nix/installer {
          inherit nixpkgs system;
          hosts = ./hosts;
        }
        // nixpkgs.lib.optionalAttrs (inputs ? pyhomelab) {
          pyhomelab = inputs.pyhomelab.nix.packages.${system}.default;
        }
      );
    };
}
