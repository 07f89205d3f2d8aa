# Made by `pyhomelab gen` from inventory.yaml; what all machines of the lab share.
{
  homelab = {
    base = {
      domain = "home.arpa";
      timeZone = "Asia/Tokyo";
      admins.mika.sshKeys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm81ZkzXsBBasbMkX+DQKo78aKFD4aFbpOatcF+V2/i mika"
      ];
    };

    network.names = {
      dl1 = "192.168.10.11";
      dl2 = "192.168.10.12";
      dl3 = "192.168.10.13";
      k8s-1 = "192.168.10.21";
      k8s-2 = "192.168.10.22";
      k8s-3 = "192.168.10.23";
      nas = "192.168.10.30";
    };

    secrets.directory = ./secrets;
  };
}
