# An installer of the lab's own: it lets the lab's admins in by their keys, over ssh alone, and asks for nothing else.
{
  nixpkgs,
  hosts,
  system,
  modules ? [ ], # what the image gets besides, such as a driver
}:
let
  inherit (nixpkgs) lib;
  pkgs = nixpkgs.legacyPackages.${system};

  # What `gen` wrote for all machines of the lab; before that there is nobody to let in.
  shared = hosts + "/lab.nix";
  admins =
    if builtins.pathExists shared then
      (import shared).homelab.base.admins
    else
      throw "hosts/lab.nix is not there, which says who may log in to the installer; `pyhomelab gen` writes it";
  keys = lib.concatMap (admin: admin.sshKeys) (lib.attrValues admins);

  image =
    base:
    (lib.nixosSystem {
      modules = [
        "${nixpkgs}/nixos/modules/installer/${base}.nix"
        ./machine.nix
        {
          nixpkgs.hostPlatform = system;
          homelab.installer.keys = keys;
        }
      ]
      ++ modules;
    }).config.system.build;
  iso = image "cd-dvd/installation-cd-minimal";
  netboot = image "netboot/netboot-minimal";
in
{
  # To a USB stick, or for a virtual machine: result/iso/*.iso
  installer-iso = iso.isoImage;

  # For PXE: kernel, initrd, and a script for iPXE that names both.
  installer-netboot = pkgs.symlinkJoin {
    name = "installer-netboot";
    paths = [
      netboot.netbootRamdisk
      netboot.kernel
      netboot.netbootIpxeScript
    ];
  };
}
