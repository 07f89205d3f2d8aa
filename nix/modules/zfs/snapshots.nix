# Snapshots by sanoid: taken of what this host writes, only thinned out in what it receives.
{ config, lib, ... }:
let
  cfg = config.homelab.zfs;

  policy =
    keep: extra:
    {
      inherit (keep)
        hourly
        daily
        weekly
        monthly
        yearly
        ;
      frequently = 0;
      autoprune = true;
      # With everything below it: guests' zvols appear without anybody adding them here.
      recursive = true;
    }
    // extra;

  ownOf =
    name: pool:
    lib.mapAttrs' (
      dataset: value: lib.nameValuePair "${name}/${dataset}" (policy value.snapshots { autosnap = true; })
    ) (lib.filterAttrs (_: value: value.snapshots != null) pool.datasets);

  # A snapshot taken here would make the copy differ from its source, and the next replication fail.
  received = lib.listToAttrs (
    map (copy: lib.nameValuePair copy.dataset (policy copy.snapshots { autosnap = false; })) (
      lib.filter (copy: copy.snapshots != null) cfg.receives
    )
  );

  datasets = lib.mergeAttrsList (lib.mapAttrsToList ownOf cfg.pools) // received;
in
{
  config = lib.mkIf (cfg.enable && datasets != { }) {
    services.sanoid = {
      enable = true;
      interval = lib.mkDefault "hourly"; # as often as the finest snapshot that can be asked for
      inherit datasets;
    };

    # NixOS leaves it a simple service, which counts as started before a snapshot is taken: nothing could wait for that.
    systemd.services.sanoid.serviceConfig.Type = "oneshot";
  };
}
