# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/ata-INTEL_SSDSC2BB120G4_BTWL340509AY120LGN";
      firmware = "bios";
      filesystem = "ext4";
    };

    zfs = {
      enable = true;
      hostId = "6c2af756";
      arcMaxMiB = 3072;
      scrub = "monthly";
      trim = "weekly";
      pools.tank = {
        vdevs = [
          {
            layout = "raidz1";
            disks = [
              "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000031"
              "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000032"
              "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000033"
            ];
          }
        ];
        options.ashift = "12";
      };
      receives = [
        {
          from = "dl1";
          dataset = "tank/replica/dl1/tank/files";
        }
      ];
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
