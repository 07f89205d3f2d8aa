# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab = {
    systemDisk = {
      enable = true;
      device = "/dev/disk/by-id/nvme-KINGSTON_SNV2S500G_50026B7685D1A2B3";
      firmware = "uefi";
      filesystem = "zfs";
      swapSize = "4G";
    };

    zfs = {
      enable = true;
      hostId = "41eb0609";
      arcMaxMiB = 1024;
      scrub = "monthly";
      trim = "weekly";
    };
  };
}
