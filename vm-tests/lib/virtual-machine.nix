# What a virtual machine has to do differently from the machine it stands for. Everything else is as generated.
{ pkgs, cards }:
{ lib, ... }:
{
  # One package set for all machines; without it each would evaluate nixpkgs anew.
  nixpkgs.pkgs = pkgs;

  # The driver starts the kernel itself and brings a root disk: the disks of the inventory are not there to be mounted, and
  # no boot loader is put on them.
  disko.enableConfig = lib.mkVMOverride false;

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
