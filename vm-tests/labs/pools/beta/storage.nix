# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/nvme-CT500P3SSD8_2240E6710002";
      firmware = "uefi";
      filesystem = "ext4";
    };

    zfs = {
      enable = true;
      hostId = "5b7c5f7c";
      arcMaxMiB = 1024;
      scrub = "monthly";
      trim = "weekly";
      pools.vault = {
        vdevs = [
          {
            layout = "stripe";
            disks = [ "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000201" ];
          }
        ];
        options.ashift = "12";
      };
      receives = [
        {
          from = "alpha";
          dataset = "vault/replica/alpha/tank/files";
        }
      ];
    };
  };
}
