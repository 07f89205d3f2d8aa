# Made by `pyhomelab gen` from inventory.yaml; what all machines of the lab share.
{
  homelab = {
    base = {
      domain = "home.arpa";
      timeZone = "UTC";
      admins.admin.sshKeys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG3HzUeTs6Inx2OA16yq6e3zLGqjAMWc+H/jsO6SUk53 vm-tests"
      ];
    };

    network.names = {
      desk = "192.168.15.11";
      rack = "192.168.15.12";
    };

    secrets.directory = ./secrets;
  };
}
