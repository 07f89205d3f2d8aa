# Made by `pyhomelab gen` from inventory.yaml; what all machines of the lab share.
{
  homelab = {
    base = {
      domain = "home.arpa";
      timeZone = "America/Toronto";
      ntpServers = [ "time.cloudflare.com" ];
      admins.noor.sshKeys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFz2m8n4b6V1c5X9a7S3d0F6g2H4j8K1l5Q7w9E3r2T6 noor"
      ];
    };

    network.names = {
      node-1 = "172.20.0.11";
      node-2 = "172.20.0.12";
      node-3 = "172.20.0.13";
      node-4 = "172.20.0.14";
    };

    secrets.directory = ./secrets;
  };
}
