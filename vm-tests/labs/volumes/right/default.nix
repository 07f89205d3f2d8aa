# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  imports = [
    ../lab.nix
    ./extra.nix
    ./network.nix
    ./storage.nix
  ];

  networking.hostName = "right";
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  homelab.base.enable = true;
}
