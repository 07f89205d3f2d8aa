# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/nvme-CT500P3SSD8_2240E6720001";
      firmware = "uefi";
      filesystem = "ext4";
    };

    zfs = {
      enable = true;
      hostId = "5a64f34a";
      arcMaxMiB = 1024;
      scrub = "monthly";
      trim = "weekly";
      pools.tank = {
        vdevs = [
          {
            layout = "stripe";
            disks = [ "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000301" ];
          }
        ];
        options.ashift = "12";
      };
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
        backing = {
          dataset = "tank/drbd/data";
          size = "256M";
        };
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
