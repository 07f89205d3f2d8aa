# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/nvme-CT500P3SSD8_2240E6700004";
      firmware = "uefi";
      filesystem = "ext4";
    };

    zfs = {
      enable = true;
      hostId = "573f1340";
      arcMaxMiB = 4096;
      scrub = "monthly";
      trim = "weekly";
      pools.data = {
        vdevs = [
          {
            layout = "mirror";
            disks = [
              "/dev/disk/by-id/ata-TOSHIBA_MG08ACA16TE_71A0A001FVGG"
              "/dev/disk/by-id/ata-TOSHIBA_MG08ACA16TE_71A0A002FVGG"
            ];
          }
        ];
        options.ashift = "12";
        datasets.volumes = {
          mountpoint = "/srv/volumes";
          snapshots = {
            hourly = 24;
            daily = 7;
            weekly = 4;
            monthly = 3;
            yearly = 0;
          };
        };
      };
    };
  };
}
