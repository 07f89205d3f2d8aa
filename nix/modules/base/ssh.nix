# The way in: OpenSSH with keys only.
{ config, lib, ... }:
let
  cfg = config.homelab.base;
in
{
  config = lib.mkIf cfg.enable {
    services.openssh = {
      enable = true;

      # One ed25519 key. sops decrypts this machine's secrets with it, so it is named here and not left to a default.
      hostKeys = [
        {
          type = "ed25519";
          path = "/etc/ssh/ssh_host_ed25519_key";
        }
      ];

      # Keys come from the configuration alone: one added to ~/.ssh by hand would go on working after its owner left.
      authorizedKeysInHomedir = lib.mkDefault false;

      settings = {
        PasswordAuthentication = false;
        # PAM asks for passwords by this way too, whatever PasswordAuthentication says.
        KbdInteractiveAuthentication = false;
        PermitRootLogin = "prohibit-password"; # see users.nix for why root logs in at all
      };
    };
  };
}
