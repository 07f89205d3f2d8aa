# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.network = {
    enable = true;
    interfaces.eno1 = {
      network = "lan";
      addresses = [ "192.168.11.12/24" ];
    };
  };
}
