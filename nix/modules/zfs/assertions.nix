# Pools and datasets that cannot work, said before anything is made of them.
{ config, lib, ... }:
let
  cfg = config.homelab.zfs;
  host = config.networking.hostName;
  layoutOf = import ./layout.nix { inherit lib; };
  at = pool: "homelab.zfs.pools.${pool} on ${host}";
  systemDisk = config.homelab.systemDisk or { enable = false; };

  smallest = {
    stripe = 1;
    mirror = 2;
    raidz1 = 2;
    raidz2 = 3;
    raidz3 = 4;
    draid1 = 2;
    draid2 = 3;
    draid3 = 4;
  };
  fewest = vdev: smallest.${lib.head (lib.splitString ":" vdev.layout)};
  count = vdev: lib.length vdev.disks;
  isDraid = vdev: lib.hasPrefix "draid" vdev.layout;
  alone = vdev: vdev.layout == "stripe";

  vdevAssertions =
    name: pool:
    lib.concatMap (vdev: [
      {
        assertion = count vdev >= fewest vdev;
        message = "${at name}: ${vdev.layout} needs at least ${toString (fewest vdev)} disks and has ${toString (count vdev)}; add disks or choose another layout";
      }
    ]) (pool.vdevs ++ pool.special ++ pool.log);

  poolAssertions =
    name: pool:
    let
      labels = (layoutOf name pool).labels;
      longest = lib.foldl' (a: b: if lib.stringLength b > lib.stringLength a then b else a) "" labels;
    in
    [
      {
        assertion = pool.vdevs != [ ];
        message = "${at name}: it has no vdevs; give it disks in homelab.zfs.pools.${name}.vdevs";
      }
      {
        assertion = lib.stringLength longest <= 36;
        message = "${at name}: the partition label ${longest} is longer than the 36 letters GPT has room for; give the pool a shorter name";
      }
      {
        assertion = builtins.match "(draid|log|mirror|raidz|spare).*" name == null;
        message = "${at name}: ZFS keeps this name for itself; name the pool otherwise, for instance tank";
      }
      {
        assertion = !(systemDisk.enable && systemDisk.filesystem == "zfs" && systemDisk.pool == name);
        message = "${at name}: the system's own pool has this name; name one of them otherwise (homelab.systemDisk.pool)";
      }
      {
        assertion = lib.any alone pool.vdevs || !lib.any alone pool.special;
        message = "${at name}: a special vdev of a single disk would take the whole redundant pool with it; make it a mirror";
      }
      {
        assertion = !lib.any isDraid (pool.special ++ pool.log);
        message = "${at name}: ZFS has draid for data only; make special and log vdevs mirrors";
      }
    ];

  # Every disk with what it is used for, over all pools and the system disk.
  uses =
    lib.optional systemDisk.enable {
      inherit (systemDisk) device;
      use = "homelab.systemDisk";
    }
    ++ lib.concatLists (
      lib.mapAttrsToList (
        name: pool:
        map (disk: {
          inherit (disk) device;
          use = "pool ${name}";
        }) (layoutOf name pool).disks
      ) cfg.pools
    );
  diskAssertions = lib.mapAttrsToList (device: used: {
    assertion = lib.length used == 1;
    message = "homelab.zfs on ${host}: the disk ${device} is used ${toString (lib.length used)} times (${
      lib.concatMapStringsSep ", " (u: u.use) used
    }); use it once";
  }) (lib.groupBy (u: u.device) uses);

  # A dataset or one above it has snapshots.
  hasSnapshots =
    pool: dataset:
    lib.any (
      other:
      (other == dataset || lib.hasPrefix "${other}/" dataset) && pool.datasets.${other}.snapshots != null
    ) (lib.attrNames pool.datasets);
  datasetAssertions =
    name: pool:
    lib.mapAttrsToList (dataset: value: {
      assertion = value.replicate == null || hasSnapshots pool dataset;
      message = "${at name}: ${dataset} is replicated but has no snapshots to send; set homelab.zfs.pools.${name}.datasets.${dataset}.snapshots, for instance to { }";
    }) pool.datasets;

  perPool = check: lib.concatLists (lib.mapAttrsToList check cfg.pools);
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.hostId != null;
        message = "homelab.zfs on ${host}: hostId is not set, and a pool must know whose it is; set homelab.zfs.hostId to what `head -c4 /dev/urandom | od -A none -t x4` prints";
      }
      {
        assertion = cfg.mailTo == null || config.services.zfs.zed.enableMail; # true in NixOS as soon as there is a sendmail
        message = "homelab.zfs on ${host}: mailTo is ${toString cfg.mailTo}, but nothing on this host sends mail; set up programs.msmtp (accounts.default, setSendmail), or leave mailTo out";
      }
    ]
    ++ diskAssertions
    ++ perPool poolAssertions
    ++ perPool vdevAssertions
    ++ perPool datasetAssertions;
  };
}
