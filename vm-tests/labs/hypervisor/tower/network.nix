# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.network = {
    enable = true;
    bridges.br-lan.members = [ "eno1" ];
    interfaces.br-lan = {
      network = "lan";
      addresses = [ "192.168.14.11/24" ];
    };
  };
}
