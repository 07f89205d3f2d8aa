# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.network = {
    enable = true;
    vlans."eno2.20" = {
      id = 20;
      parent = "eno2";
    };
    bridges.br-lan.members = [ "eno1" ];
    interfaces = {
      br-lan = {
        network = "lan";
        addresses = [ "192.168.10.11/24" ];
        gateway = "192.168.10.1";
        dns = [ "192.168.10.1" ];
      };
      "eno2.20" = {
        network = "storage";
        addresses = [ "10.10.20.11/24" ];
        mtu = 9000;
      };
    };
  };
}
