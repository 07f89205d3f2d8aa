# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.systemDisk = {
    enable = true;
    device = "/dev/disk/by-id/nvme-CT500P3SSD8_2240E6770001";
    firmware = "uefi";
    filesystem = "ext4";
  };
}
