# Values NixOS itself gives and modules read back; their defaults are expressions, which the table does not carry.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption mkOptionDefault types;
  takesName =
    field: types.attrsOf (types.submodule ({ name, ... }: { config.${field} = mkOptionDefault name; }));
  named = field: mkOption { type = takesName field; };
in
{
  options = {
    fileSystems = named "mountPoint";
    networking.interfaces = named "name";
    networking.nftables.tables = named "name";
    systemd.tmpfiles.settings = mkOption { type = types.attrsOf (types.attrsOf (takesName "type")); };
    systemd.units = named "name";
    users.users = named "name";
    users.groups = named "name";
  };

  config = {
    boot.initrd.enable = mkOptionDefault true;
    boot.loader.grub.enable = mkOptionDefault (!config.boot.loader.systemd-boot.enable);
    boot.zfs.package = mkOptionDefault pkgs.zfs;
    hardware.enableRedistributableFirmware = mkOptionDefault false;
    networking = {
      hostName = mkOptionDefault "nixos";
      resolvconf.enable = mkOptionDefault true;
    };
    nix.package = mkOptionDefault pkgs.nix;
    services = {
      k3s.package = mkOptionDefault pkgs.k3s;
      kubernetes.package = mkOptionDefault pkgs.kubernetes;
      openssh = {
        hostKeys = mkOptionDefault [
          {
            type = "rsa";
            bits = 4096;
            path = "/etc/ssh/ssh_host_rsa_key";
          }
          {
            type = "ed25519";
            path = "/etc/ssh/ssh_host_ed25519_key";
          }
        ];
        package = mkOptionDefault pkgs.openssh;
        ports = mkOptionDefault [ 22 ];
      };
      sanoid.package = mkOptionDefault pkgs.sanoid;
      syncoid.package = mkOptionDefault pkgs.sanoid;
      timesyncd.enable = mkOptionDefault true;
      zfs.zed.enableMail = mkOptionDefault false;
    };
    system.name = mkOptionDefault config.networking.hostName;
    system.stateVersion = mkOptionDefault "26.05";
    systemd.package = mkOptionDefault pkgs.systemd;
    users.users.root = {
      group = lib.mkDefault "root";
      home = lib.mkDefault "/root";
    };
    virtualisation.libvirtd = {
      package = mkOptionDefault pkgs.libvirt;
      qemu.package = mkOptionDefault pkgs.qemu;
      qemu.swtpm.package = mkOptionDefault pkgs.swtpm;
    };
  };
}
