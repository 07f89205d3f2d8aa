# What a virtual machine has to do differently from the machine it stands for. Everything else is as generated.
{
  pkgs,
  cards,
  memory,
  diskMiB ? 1024,
}:
{ config, lib, ... }:
let
  disks = map (disk: disk.device) (lib.attrValues config.disko.devices.disk);
  serial = number: "data-${toString number}";

  # A disk appears under the name that it has in the inventory, and its partitions as udev would name them there.
  named = number: device: ''
    SUBSYSTEM=="block", ENV{DEVTYPE}=="disk", ATTRS{serial}=="${serial number}", SYMLINK+="${lib.removePrefix "/dev/" device}"
    SUBSYSTEM=="block", ENV{DEVTYPE}=="partition", ATTRS{serial}=="${serial number}", SYMLINK+="${lib.removePrefix "/dev/" device}-part%n"
  '';

  mountsOf =
    name: pool:
    lib.mapAttrs' (
      dataset: value:
      lib.nameValuePair value.mountpoint {
        device = "${name}/${dataset}";
        fsType = "zfs";
        options = [ "nofail" ];
      }
    ) (lib.filterAttrs (_: value: value.mountpoint != null) pool.datasets);
in
{
  # One package set for all machines; without it each would evaluate nixpkgs anew.
  nixpkgs.pkgs = pkgs;

  # The driver starts the kernel itself and brings a root disk: no boot loader is put on the disk of the inventory, which is
  # not there.
  homelab.systemDisk.enable = lib.mkVMOverride false;

  # All the others are there, blank, small, and as many. disko makes their pools when it is told to, as at an installation;
  # what it has to say of file systems would count for nothing beside what the driver says, so it says it there.
  disko.enableConfig = lib.mkVMOverride false;
  environment.etc."homelab/make-pools" = lib.mkIf (disks != [ ]) {
    source = config.system.build.formatScript;
  };
  services.udev.extraRules = lib.concatStrings (lib.imap0 named disks);
  virtualisation.emptyDiskImages = lib.imap0 (number: _: {
    size = diskMiB;
    driveConfig.deviceExtraOpts.serial = serial number;
  }) disks;
  virtualisation.fileSystems = lib.mkMerge (lib.mapAttrsToList mountsOf config.homelab.zfs.pools);

  virtualisation.memorySize = memory;

  # Cards have the names of the inventory, so that its addresses and its firewall are what is tested. The driver gives none of
  # its own addresses to cards that are named here.
  virtualisation.interfaces = lib.mapAttrs (_: vlan: { inherit vlan; }) cards;

  # Hundreds of megabytes that a processor and cards made of software have no use for.
  hardware = {
    enableRedistributableFirmware = lib.mkVMOverride false;
    cpu.intel.updateMicrocode = lib.mkVMOverride false;
    cpu.amd.updateMicrocode = lib.mkVMOverride false;
  };
}
