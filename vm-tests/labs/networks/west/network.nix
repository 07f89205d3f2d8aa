# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.network = {
    enable = true;
    bonds.bond0 = {
      members = [
        "eno1"
        "eno2"
      ];
      mode = "active-backup";
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
    bridges.br-guests.members = [ "bond0.40" ];
    interfaces = {
      bond0 = {
        network = "lan";
        addresses = [ "192.168.13.12/24" ];
        firewall.tcp = [ 8080 ];
      };
      "bond0.30" = {
        network = "storage";
        addresses = [ "10.10.30.12/24" ];
        firewall.tcp = [ 8082 ];
      };
      br-guests = {
        network = "guests";
        addresses = [ "10.10.40.12/24" ];
      };
    };
  };
}
