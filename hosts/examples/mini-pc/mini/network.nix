# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.network = {
    enable = true;
    interfaces.enp2s0 = {
      network = "lan";
      addresses = [ "192.168.178.10/24" ];
      gateway = "192.168.178.1";
      dns = [ "192.168.178.1" ];
      firewall.tcp = [
        80
        443
      ];
    };
  };
}
