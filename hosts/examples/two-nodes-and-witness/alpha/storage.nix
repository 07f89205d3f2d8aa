# Made by `pyhomelab gen` from ../*.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/nvme-WD_BLACK_SN770_250GB_22411F800001";
      firmware = "uefi";
      filesystem = "ext4";
      swapSize = "8G";
    };

    zfs = {
      enable = true;
      hostId = "81fe0637";
      arcMaxMiB = 8192;
      scrub = "monthly";
      trim = "weekly";
      pools.tank = {
        vdevs = [
          {
            layout = "mirror";
            disks = [
              "/dev/disk/by-id/ata-ST8000VN004-3CP101_WRQ0A001"
              "/dev/disk/by-id/ata-ST8000VN004-3CP101_WRQ0A002"
            ];
          }
          {
            layout = "mirror";
            disks = [
              "/dev/disk/by-id/ata-ST8000VN004-3CP101_WRQ0A003"
              "/dev/disk/by-id/ata-ST8000VN004-3CP101_WRQ0A004"
            ];
          }
        ];
        special = [
          {
            layout = "mirror";
            disks = [
              "/dev/disk/by-id/nvme-WD_RED_SN700_500GB_22411F80A001"
              "/dev/disk/by-id/nvme-WD_RED_SN700_500GB_22411F80A002"
            ];
          }
        ];
        options.ashift = "12";
        properties = {
          compression = "zstd";
          atime = "off";
        };
        encrypted = true;
        datasets.home = {
          mountpoint = "/srv/home";
          quota = "2T";
          snapshots = {
            hourly = 48;
            daily = 30;
            weekly = 8;
            monthly = 12;
            yearly = 2;
          };
          replicate = {
            host = "beta";
            address = "10.0.40.12";
            dataset = "tank/replica/alpha/tank/home";
            interval = "*:0/15";
          };
        };
      };
    };

    drbd = {
      enable = true;
      version = "9";
      resources = {
        mail = {
          minor = 363;
          port = 17363;
          interface = "bond0.40";
          protocol = "C";
          quorum = "majority";
          onNoQuorum = "suspend-io";
          verify = "Sun 04:00";
          sharedSecret = true;
          backing = {
            dataset = "tank/drbd/mail";
            size = "100G";
          };
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
          interface = "bond0.40";
          protocol = "C";
          quorum = "majority";
          onNoQuorum = "suspend-io";
          verify = "monthly";
          allowTwoPrimaries = true;
          sharedSecret = true;
          backing = {
            dataset = "tank/drbd/cloud";
            size = "500G";
          };
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
