# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.network = {
    enable = true;
    interfaces = {
      eno1 = {
        network = "lan";
        addresses = [ "192.168.12.12/24" ];
      };
      eno2 = {
        network = "storage";
        addresses = [ "10.10.20.12/24" ];
      };
    };
  };
}
