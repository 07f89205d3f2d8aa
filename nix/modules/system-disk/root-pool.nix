# The system's own ZFS pool.
{ config, lib, ... }:
let
  cfg = config.homelab.systemDisk;

  # Legacy: fileSystems alone says what is mounted where. Given to ZFS as well, `zfs mount -a` and systemd race for it.
  mounted = mountpoint: {
    type = "zfs_fs";
    inherit mountpoint;
    options.mountpoint = "legacy";
  };
in
{
  config = lib.mkIf (cfg.enable && cfg.filesystem == "zfs") {
    # Scrub, trim, mail, memory limit and host id are the root pool's as much as any other's.
    homelab.zfs.enable = lib.mkDefault true;

    disko.devices.zpool.${cfg.pool} = {
      type = "zpool";
      options.ashift = "12"; # SSDs that claim 512-byte sectors have larger ones, and it cannot be changed later
      rootFsOptions = (import ../zfs/defaults.nix) // {
        canmount = "off";
        mountpoint = "none";
      };
      datasets = {
        root = mounted "/";
        # Apart from the rest: it can be built again, so nobody wants it in a snapshot.
        nix = mounted "/nix";
        var = mounted "/var";
        home = mounted "/home";
      };
    };
  };
}
