# Made by `pyhomelab gen` from ../inventory.yaml; your own settings go into extra.nix.
{
  homelab.systemDisk = {
    enable = true;
    device = "/dev/disk/by-id/ata-CT500MX500SSD1_2240E6700012";
    firmware = "bios";
    filesystem = "ext4";
  };
}
