# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/mmc-BJTD4R_0x26c8a1b3";
      firmware = "uefi";
      filesystem = "ext4";
    };

    drbd = {
      enable = true;
      version = "9";
      resources.data = {
        minor = 597;
        port = 17597;
        interface = "eno2";
        protocol = "C";
        quorum = "majority";
        onNoQuorum = "suspend-io";
        verify = "monthly";
        sharedSecret = true;
        hosts = {
          left = {
            nodeId = 0;
            address = "10.10.20.11";
            disk = "/dev/zvol/tank/drbd/data";
          };
          right = {
            nodeId = 1;
            address = "10.10.20.12";
            disk = "/dev/zvol/tank/drbd/data";
          };
          witness = {
            nodeId = 2;
            address = "10.10.20.13";
            disk = null;
          };
        };
      };
    };
  };
}
