{
  description = "A home private cloud as one text file: an inventory in, a readable NixOS flake out";

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
  };

  outputs =
    {
      self,
      nixpkgs,
      disko,
      sops-nix,
    }:
    let
      inherit (nixpkgs) lib;
      forEachSystem =
        make:
        lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: make nixpkgs.legacyPackages.${system});
      lab = { inherit nixpkgs disko sops-nix; };
    in
    {
      nixosModules = import ./nix/nixos-modules.nix { inherit disko sops-nix; };
      nixosConfigurations = import ./nix/example-lab.nix (lab // { hosts = ./hosts; });

      packages = forEachSystem (pkgs: {
        default = pkgs.callPackage ./nix/package.nix { };
      });
      apps = forEachSystem (pkgs: {
        default = {
          type = "app";
          program = lib.getExe self.packages.${pkgs.stdenv.hostPlatform.system}.default;
          meta.description = "Turns an inventory into a NixOS flake";
        };
      });
      devShells = forEachSystem (pkgs: {
        default = import ./nix/devshell.nix { inherit pkgs; };
      });
      checks = forEachSystem (
        pkgs:
        import ./nix/checks.nix (
          lab
          // {
            inherit pkgs;
            hosts = ./hosts;
            configurations = self.nixosConfigurations;
          }
        )
      );
      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree);

      templates.default = {
        path = ./pyhomelab/skeleton;
        description = "The frame of a lab; `pyhomelab init` fills it";
        welcomeText = ''
          This is the frame of a lab. Fill it with the NixOS modules and an inventory to edit:

              pyhomelab init .
        '';
      };
    };
}
