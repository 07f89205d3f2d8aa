# Made by `pyhomelab gen` from inventory.yaml; what all machines of the lab share.
{
  homelab = {
    base = {
      domain = "home.arpa";
      timeZone = "Europe/Berlin";
      admins.ada.sshKeys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0x7nQyqf0Wm3h1pVd1b5q8G5p7yqv1eZk7Tz4wq2Xh ada"
      ];
    };

    network.names.mini = "192.168.178.10";
    secrets.directory = ./secrets;
  };
}
