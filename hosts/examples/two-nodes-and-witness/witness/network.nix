# Made by `pyhomelab gen` from ../*.yaml; your own settings go into extra.nix.
{
  homelab.network = {
    enable = true;
    vlans."enp3s0.40" = {
      id = 40;
      parent = "enp3s0";
    };
    interfaces = {
      enp3s0 = {
        network = "lan";
        addresses = [ "10.0.0.13/24" ];
        gateway = "10.0.0.1";
        dns = [
          "10.0.0.1"
          "9.9.9.9"
        ];
      };
      "enp3s0.40" = {
        network = "replication";
        addresses = [ "10.0.40.13/24" ];
        mtu = 9000;
      };
    };
  };
}
