# Made by `pyhomelab gen` from ../*.yaml; your own settings go into extra.nix.
{
  homelab.network = {
    enable = true;
    bonds.bond0 = {
      members = [
        "enp1s0f0"
        "enp1s0f1"
      ];
      mode = "802.3ad";
    };
    vlans = {
      "bond0.30" = {
        id = 30;
        parent = "bond0";
      };
      "bond0.40" = {
        id = 40;
        parent = "bond0";
      };
    };
    bridges.br-guests.members = [ "bond0.30" ];
    interfaces = {
      bond0 = {
        network = "lan";
        addresses = [ "10.0.0.11/24" ];
        gateway = "10.0.0.1";
        dns = [
          "10.0.0.1"
          "9.9.9.9"
        ];
      };
      br-guests.network = "guests";
      "bond0.40" = {
        network = "replication";
        addresses = [ "10.0.40.11/24" ];
        mtu = 9000;
      };
    };
  };
}
