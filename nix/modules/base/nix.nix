# Nix itself: flakes, who may hand over closures, and what is thrown away when.
{ config, lib, ... }:
let
  cfg = config.homelab.base;
in
{
  config = lib.mkIf cfg.enable {
    nix = {
      settings = {
        experimental-features = [
          "nix-command"
          "flakes"
        ];
        # A closure built on an admin's machine carries no signature; the daemon takes it from trusted users only.
        # They can become root without a password, so this gives them nothing they do not have.
        trusted-users = [ "@wheel" ];
        trusted-public-keys = cfg.trustedKeys;
      };

      # Packages come from the lab's flake.lock. A channel would be a second source that no one updates.
      channel.enable = lib.mkDefault false;

      gc = {
        automatic = lib.mkDefault true; # without it a small disk is full after some months of updates
        inherit (cfg.gc) dates;
        # By age, never all: the generation that was in use before this period stays, so there is one to go back to.
        options = "--delete-older-than ${cfg.gc.olderThan}";
        # Machines that share a disk array or a hypervisor would all start in the same second.
        randomizedDelaySec = lib.mkDefault "45min";
      };
    };
  };
}
