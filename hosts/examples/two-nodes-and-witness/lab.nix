# Made by `pyhomelab gen` from *.yaml; what all machines of the lab share.
{
  homelab = {
    base = {
      domain = "lab.example.org";
      timeZone = "Europe/Lisbon";
      admins.rui.sshKeys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq9v5mKzQ3h2YqkT8g6V0wXr4m1n7c2Lz5y8Ue0PjQd rui@laptop"
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHk3c8yR1x5L6zPq0b7Wd2Vn4t9G8mJ6fE3sU5oYiKaZ rui@desk"
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
