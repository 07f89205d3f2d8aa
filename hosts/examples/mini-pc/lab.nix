# Made by `pyhomelab gen` from inventory.yaml; what all machines of the lab share.
{
  homelab = {
    base = {
      domain = "home.arpa";
      timeZone = "Europe/Berlin";
      admins.admin.sshKeys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILD85wT9+hD02t5FTV9UoZmXMA0MapgCHAn0EB/rci8y admin"
      ];
    };

    network.names.mini = "192.168.178.10";
    secrets.directory = ./secrets;
  };
}
