# What ZFS needs from the host, and what it does to its pools from time to time.
{ config, lib, ... }:
let
  cfg = config.homelab.zfs;
  arcMax = toString (cfg.arcMaxMiB * 1024 * 1024);
in
{
  config = lib.mkIf cfg.enable {
    networking = { inherit (cfg) hostId; };

    boot = {
      supportedFilesystems.zfs = true;

      zfs = {
        extraPools = lib.attrNames cfg.pools; # a pool without a mounted dataset is imported too
        # A pool last used by another machine is not taken away from it. The boot parameter zfs_force=1 takes it, once.
        forceImportRoot = false;
        forceImportAll = false;
      };

      extraModprobeConfig = lib.mkIf (cfg.arcMaxMiB != null) ''
        options zfs zfs_arc_max=${arcMax}
      '';
    };

    # The module reads its option only when it is loaded; this makes a changed limit hold without a reboot.
    systemd.tmpfiles.rules = lib.mkIf (cfg.arcMaxMiB != null) [
      "w /sys/module/zfs/parameters/zfs_arc_max - - - - ${arcMax}"
    ];

    services.zfs = {
      autoScrub.enable = cfg.scrub != null;
      autoScrub.interval = lib.mkIf (cfg.scrub != null) cfg.scrub;
      trim.enable = cfg.trim != null; # on in NixOS unless told otherwise
      trim.interval = lib.mkIf (cfg.trim != null) cfg.trim;
    };
  };
}
