# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.network = {
    enable = true;
    links.eno1.mac = "3c:ec:ef:12:34:56";
    interfaces.eno1 = {
      network = "lan";
      addresses = [ "172.20.0.14/22" ];
      gateway = "172.20.0.1";
      dns = [ "172.20.0.1" ];
    };
  };
}
