# The boot loader that fits the firmware. How many generations it keeps is homelab.base's.
{ config, lib, ... }:
let
  cfg = config.homelab.systemDisk;
in
{
  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      (lib.mkIf (cfg.firmware == "uefi") {
        boot.loader.systemd-boot.enable = true;

        # An entry in the firmware's list survives a disk that was once another system's. A board whose variables are
        # broken or full starts \EFI\BOOT\BOOTX64.EFI instead, which systemd-boot installs too: false for such a host.
        boot.loader.efi.canTouchEfiVariables = lib.mkDefault true;
      })
      (lib.mkIf (cfg.firmware == "bios") {
        # The disk to write it to comes from disko, which knows the partition of type EF02.
        boot.loader.grub.enable = true;
      })
    ]
  );
}
