# Made by `pyhomelab gen` from *.yaml; what all machines of the lab share.
{
  homelab = {
    base = {
      domain = "lab.example.org";
      timeZone = "Europe/Lisbon";
      admins.admin.sshKeys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEtunZ80B7EUrGrCLuCR8Ho74Pm4YZIuT97WqCj/Wtyh admin@laptop"
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILnDRoLj68ebspZuoFSTwhEH2KbWQuCcxEgtj0urlUr0 admin@desk"
      ];
    };

    network.names = {
      alpha = "10.0.0.11";
      beta = "10.0.0.12";
      witness = "10.0.0.13";
      mail = "10.0.30.10";
      cloud = "10.0.30.11";
    };

    secrets.directory = ./secrets;
  };
}
