# Made by `pyhomelab gen` from ../*.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/mmc-BJTD4R_0x26c8a1b2";
      firmware = "uefi";
      filesystem = "ext4";
    };

    drbd = {
      enable = true;
      version = "9";
      resources = {
        mail = {
          minor = 363;
          port = 17363;
          interface = "enp3s0.40";
          protocol = "C";
          quorum = "majority";
          onNoQuorum = "suspend-io";
          verify = "Sun 04:00";
          sharedSecret = true;
          hosts = {
            alpha = {
              nodeId = 0;
              address = "10.0.40.11";
              disk = "/dev/zvol/tank/drbd/mail";
            };
            beta = {
              nodeId = 1;
              address = "10.0.40.12";
              disk = "/dev/zvol/tank/drbd/mail";
            };
            witness = {
              nodeId = 2;
              address = "10.0.40.13";
              disk = null;
            };
          };
        };
        cloud = {
          minor = 210;
          port = 17210;
          interface = "enp3s0.40";
          protocol = "C";
          quorum = "majority";
          onNoQuorum = "suspend-io";
          verify = "monthly";
          allowTwoPrimaries = true;
          sharedSecret = true;
          hosts = {
            beta = {
              nodeId = 0;
              address = "10.0.40.12";
              disk = "/dev/zvol/tank/drbd/cloud";
            };
            alpha = {
              nodeId = 1;
              address = "10.0.40.11";
              disk = "/dev/zvol/tank/drbd/cloud";
            };
            witness = {
              nodeId = 2;
              address = "10.0.40.13";
              disk = null;
            };
          };
        };
      };
    };
  };
}
