# What a machine of unknown make needs to find its disk and its network card.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.base;
  metal = cfg.hardware == "metal";
  guest = cfg.hardware == "kvm-guest";
in
{
  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        # On both kinds, so that a lab tried out in virtual machines boots there unchanged. NixOS leaves these out.
        boot.initrd.availableKernelModules = [
          "virtio_blk"
          "virtio_pci"
          "virtio_scsi"
        ];
      }
      (lib.mkIf metal {
        # Disk controllers of second-hand servers (HP Smart Array old and new, LSI MegaRAID and HBA), eMMC of mini PCs,
        # NVMe behind Intel's VMD, and USB disks. NixOS loads AHCI and NVMe by itself; with one of these missing the
        # initrd waits for the root disk for ever.
        boot.initrd.availableKernelModules = [
          "hpsa"
          "megaraid_sas"
          "mpt3sas"
          "sdhci_acpi"
          "sdhci_pci"
          "smartpqi"
          "uas"
          "usb_storage"
        ]
        ++ lib.optional pkgs.stdenv.hostPlatform.isx86_64 "vmd"; # other kernels have none to build in

        # Some network cards (Broadcom bnx2, many Realtek) have no link without their firmware: the machine would be up
        # and unreachable.
        hardware.enableRedistributableFirmware = lib.mkDefault true;

        # Both makes: the kernel takes what fits its CPU.
        hardware.cpu.intel.updateMicrocode = lib.mkDefault pkgs.stdenv.hostPlatform.isx86_64;
        hardware.cpu.amd.updateMicrocode = lib.mkDefault pkgs.stdenv.hostPlatform.isx86_64;
      })
      (lib.mkIf guest {
        # The hypervisor asks the agent for a clean shutdown and for addresses.
        services.qemuGuest.enable = lib.mkDefault true;

        # The last one is where systemd writes: `virsh console` is the way in while the guest's network is broken.
        boot.kernelParams = [
          "console=tty0"
          "console=ttyS0,115200"
        ];
      })
    ]
  );
}
