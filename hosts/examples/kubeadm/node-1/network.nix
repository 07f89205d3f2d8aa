# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.network = {
    enable = true;
    interfaces.eno1 = {
      network = "lan";
      addresses = [ "172.20.0.11/22" ];
      gateway = "172.20.0.1";
      dns = [ "172.20.0.1" ];
    };
  };
}
