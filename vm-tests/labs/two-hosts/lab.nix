# Made by `pyhomelab gen` from inventory.yaml; what all machines of the lab share.
{
  homelab = {
    base = {
      domain = "home.arpa";
      timeZone = "Asia/Tokyo";
      admins.admin.sshKeys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII9SjweF+ByoerU/5U547knYReV4rgsP1sLeI7QqcO7w admin"
      ];
    };

    network.names = {
      attic = "192.168.10.11";
      cellar = "192.168.10.12";
    };

    secrets.directory = ./secrets;
  };
}
