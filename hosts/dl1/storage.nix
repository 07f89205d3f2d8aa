# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/ata-INTEL_SSDSC2BB120G4_BTWL3405084Y120LGN";
      firmware = "bios";
      filesystem = "ext4";
    };

    zfs = {
      enable = true;
      hostId = "7b7ffd88";
      arcMaxMiB = 4608;
      scrub = "monthly";
      trim = "weekly";
      pools.tank = {
        vdevs = [
          {
            layout = "mirror";
            disks = [
              "/dev/disk/by-id/ata-SAMSUNG_MZ7LM960HCHP_S2K9NX0H100211"
              "/dev/disk/by-id/ata-SAMSUNG_MZ7LM960HCHP_S2K9NX0H100212"
            ];
          }
        ];
        options.ashift = "12";
        datasets.files = {
          mountpoint = "/srv/files";
          quota = "200G";
          snapshots = {
            hourly = 24;
            daily = 7;
            weekly = 4;
            monthly = 6;
            yearly = 0;
          };
          replicate = {
            host = "dl3";
            address = "192.168.10.13";
            dataset = "tank/replica/dl1/tank/files";
            interval = "hourly";
          };
        };
      };
    };

    drbd = {
      enable = true;
      version = "9";
      resources.vmstore = {
        minor = 132;
        port = 17132;
        interface = "eno2.20";
        protocol = "C";
        quorum = "majority";
        onNoQuorum = "suspend-io";
        rate = "100M";
        verify = "monthly";
        sharedSecret = true;
        backing = {
          dataset = "tank/drbd/vmstore";
          size = "200G";
        };
        hosts = {
          dl1 = {
            nodeId = 0;
            address = "10.10.20.11";
            disk = "/dev/zvol/tank/drbd/vmstore";
          };
          dl2 = {
            nodeId = 1;
            address = "10.10.20.12";
            disk = "/dev/zvol/tank/drbd/vmstore";
          };
          dl3 = {
            nodeId = 2;
            address = "10.10.20.13";
            disk = null;
          };
        };
      };
    };
  };
}
