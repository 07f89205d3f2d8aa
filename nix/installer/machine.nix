# What the lab's installer has besides NixOS's own.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (config.homelab.installer) keys;

  # Whoever vouches for the machine from afar reads this at its console.
  greeting = pkgs.writeShellScript "installer-greeting" ''
    echo
    echo "This machine waits to be installed. pyhomelab facts and pyhomelab install reach it as root at"
    ${pkgs.iproute2}/bin/ip -brief address show scope global up
    echo "and its host key is"
    ${pkgs.openssh}/bin/ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    echo
  '';
in
{
  options.homelab.installer.keys = lib.mkOption {
    type = lib.types.listOf lib.types.singleLineStr;
    example = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI... mika" ];
    description = "Public keys of those who may log in to the installer as root.";
  };

  config = {
    assertions = [
      {
        assertion = keys != [ ];
        message = "homelab.installer: keys is empty, so nobody could log in to the installer; name one in homelab.installer.keys";
      }
    ];

    users.users.root.openssh.authorizedKeys.keys = keys;

    # NixOS's own installer has empty passwords: they are for its console.
    services.openssh.settings = {
      PasswordAuthentication = lib.mkForce false;
      KbdInteractiveAuthentication = lib.mkForce false;
      PermitRootLogin = lib.mkForce "prohibit-password";
    };

    nix.settings.experimental-features = [
      "nix-command"
      "flakes"
    ];

    # A guest, and a server without a screen, has a serial console; what is named last is what a person sits at.
    boot.kernelParams = lib.optionals pkgs.stdenv.hostPlatform.isx86 [
      "console=ttyS0,115200"
      "console=tty0"
    ];

    # zdb tells whose pool a disk is of.
    boot.supportedFilesystems.zfs = lib.mkDefault true;

    environment.loginShellInit = "${greeting}";
  };
}
