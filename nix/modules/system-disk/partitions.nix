# What is on the system's disk, for disko; it makes config.fileSystems from the same description.
{ config, lib, ... }:
let
  cfg = config.homelab.systemDisk;
  uefi = cfg.firmware == "uefi";
  onZfs = cfg.filesystem == "zfs";

  # Named after the machine, not after its part: a hypervisor sees the partitions of its guests' volumes as well, and with
  # the same label on both, /boot of the one may turn out to be the other's. GPT has room for 36 letters.
  labelled = lib.mapAttrs (
    part: partition:
    let
      label = "${config.networking.hostName}-${part}";
    in
    partition
    // {
      label =
        if lib.stringLength label <= 36 then
          label
        else
          "${lib.substring 0 24 (builtins.hashString "sha256" label)}-${part}";
    }
  );

  firmwarePartition =
    if uefi then
      {
        esp = {
          type = "EF00";
          # Every generation in the menu keeps its kernel and initrd here, 60 to 100 MB with ZFS in it.
          size = "1G";
          content = {
            type = "filesystem";
            format = "vfat";
            mountpoint = "/boot";
            # vfat knows no owners: without this every user may read systemd-boot's random seed.
            mountOptions = [ "umask=0077" ];
          };
        };
      }
    else
      {
        # GRUB's second stage, for which GPT leaves no gap behind the boot sector.
        grub = {
          type = "EF02";
          size = "1M";
        };
      };

  # GRUB reads only the features ZFS had long ago, and one `zpool upgrade` would leave it unable to find the kernel.
  bootPartition = lib.optionalAttrs (onZfs && !uefi) {
    boot = {
      size = "1G";
      content = {
        type = "filesystem";
        format = "ext4";
        mountpoint = "/boot";
      };
    };
  };

  # A partition, never a zvol: ZFS may need memory to write to one, and the machine then hangs for want of the memory that
  # swapping was to free.
  swapPartition = lib.optionalAttrs (cfg.swapSize != null) {
    swap = {
      size = cfg.swapSize;
      content = {
        type = "swap";
        discardPolicy = "both";
      };
    };
  };

  rootPartition =
    if onZfs then
      {
        zfs = {
          size = "100%";
          content = {
            type = "zfs";
            inherit (cfg) pool;
          };
        };
      }
    else
      {
        root = {
          size = "100%";
          content = {
            type = "filesystem";
            format = "ext4";
            mountpoint = "/";
          };
        };
      };
in
{
  config = lib.mkIf cfg.enable {
    disko.devices.disk.system = {
      type = "disk";
      inherit (cfg) device;
      content = {
        type = "gpt";
        partitions = labelled (firmwarePartition // bootPartition // swapPartition // rootPartition);
      };
    };
  };
}
