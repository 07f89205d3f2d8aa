# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/nvme-CT500P3SSD8_2240E6740001";
      firmware = "uefi";
      filesystem = "ext4";
    };

    zfs = {
      enable = true;
      hostId = "51dd8ae5";
      arcMaxMiB = 1024;
      scrub = "monthly";
      trim = "weekly";
      pools.tank = {
        vdevs = [
          {
            layout = "stripe";
            disks = [ "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000501" ];
          }
        ];
        options.ashift = "12";
      };
    };
  };
}
