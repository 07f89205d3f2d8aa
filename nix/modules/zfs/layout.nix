# A pool's disks under the names disko knows them by, and its vdevs with their members named so.
{ lib }:
name: pool:
let
  # Each role counts for itself: a vdev that is added later renames no other disk.
  numbered =
    role: devices:
    lib.imap0 (index: device: {
      name = "${name}${role}-${toString index}";
      inherit device;
    }) devices;
  disksOf = vdevs: lib.concatMap (vdev: vdev.disks) vdevs;

  disks =
    numbered "" (disksOf pool.vdevs)
    ++ numbered "-special" (disksOf pool.special)
    ++ numbered "-log" (disksOf pool.log)
    ++ numbered "-cache" pool.cache
    ++ numbered "-spare" pool.spares;

  nameOf = lib.listToAttrs (map (disk: lib.nameValuePair disk.device disk.name) disks);
  members = map (device: nameOf.${device});
  vdevs = map (vdev: {
    mode = if vdev.layout == "stripe" then "" else vdev.layout;
    members = members vdev.disks;
  });
in
{
  inherit disks;

  # Partition label of each disk; longer ones are hashed by disko, and its topology then names devices that never appear.
  labels = map (disk: "disk-${disk.name}-zfs") disks;

  topology = {
    vdev = vdevs pool.vdevs;
    special = vdevs pool.special;
    log = vdevs pool.log;
    cache = members pool.cache;
    spare = members pool.spares;
  };

  isDraid = lib.any (vdev: lib.hasPrefix "draid" vdev.layout) pool.vdevs;
}
