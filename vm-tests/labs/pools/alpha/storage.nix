# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/nvme-CT500P3SSD8_2240E6710001";
      firmware = "uefi";
      filesystem = "ext4";
    };

    zfs = {
      enable = true;
      hostId = "bacc5dcb";
      arcMaxMiB = 1024;
      scrub = "monthly";
      trim = "weekly";
      pools.tank = {
        vdevs = [
          {
            layout = "mirror";
            disks = [
              "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000101"
              "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000102"
            ];
          }
        ];
        options.ashift = "12";
        datasets.files = {
          mountpoint = "/srv/files";
          snapshots = {
            hourly = 4;
            daily = 7;
            weekly = 4;
            monthly = 3;
            yearly = 0;
          };
          replicate = {
            host = "beta";
            address = "192.168.11.12";
            dataset = "vault/replica/alpha/tank/files";
            interval = "daily";
          };
        };
      };
    };
  };
}
