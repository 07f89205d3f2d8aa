{ lib, ... }:
{
  options.homelab.systemDisk = {
    enable = lib.mkEnableOption "the disk this machine boots from, laid out by disko";

    device = lib.mkOption {
      type = lib.types.strMatching "/dev/.+";
      example = "/dev/disk/by-id/ata-SAMSUNG_MZ7LH240_S4T2NE0M500131";
      description = ''
        The disk to install on. Everything on it is erased at installation, so give the name under
        /dev/disk/by-id: sda and sdb change places between two boots.
      '';
    };

    firmware = lib.mkOption {
      type = lib.types.enum [
        "uefi"
        "bios"
      ];
      default = "uefi";
      example = "bios";
      description = "How the machine starts: systemd-boot on an EFI system partition, or GRUB in a BIOS boot partition.";
    };

    filesystem = lib.mkOption {
      type = lib.types.enum [
        "ext4"
        "zfs"
      ];
      default = "ext4";
      example = "zfs";
      description = "What the system itself lives on. ZFS needs `homelab.zfs.hostId`.";
    };

    swapSize = lib.mkOption {
      type = lib.types.nullOr (lib.types.strMatching "[0-9]+[MGT]");
      default = null;
      example = "8G";
      description = "Size of the swap partition; null for none, which is what a Kubernetes node wants.";
    };

    pool = lib.mkOption {
      type = lib.types.strMatching "[a-z][a-z0-9_-]*";
      default = "rpool";
      example = "zroot";
      description = "Name of the system's ZFS pool, where `filesystem` is zfs.";
    };
  };
}
