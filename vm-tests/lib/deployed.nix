# A host that is deployed to for real: it has a boot loader on a disk of its own, and generations made of specialisations, so
# that no system has to be built inside of a test.
{ systems }:
{ lib, ... }:
{
  virtualisation = {
    useBootLoader = true;
    useEFIBoot = true;
    diskSize = 8192;
  };
  boot.loader = {
    systemd-boot.enable = lib.mkVMOverride true;
    grub.enable = lib.mkVMOverride false;
    efi.canTouchEfiVariables = true;
    timeout = lib.mkVMOverride 0;
  };
  system.switch.enable = lib.mkVMOverride true;

  specialisation = lib.mapAttrs (_: configuration: { inherit configuration; }) systems;
}
