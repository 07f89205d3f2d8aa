# Made by `pyhomelab gen` from inventory.yaml; what all machines of the lab share.
{
  homelab = {
    base = {
      domain = "home.arpa";
      timeZone = "America/Toronto";
      ntpServers = [ "time.cloudflare.com" ];
      admins.admin.sshKeys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICUI7ratuzoLRYz+ZCCGX7Fdgj/1k4lXMCzhi0c9ZzQI admin"
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
