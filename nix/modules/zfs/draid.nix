# Shell text that makes a draid pool, which disko's topology has no word for. disko leaves a pool that exists alone and
# goes on to its datasets.
{ lib }:
{
  name,
  topology,
  options,
  rootFsOptions,
  mountRoot,
}:
let
  device = member: "/dev/disk/by-partlabel/disk-${member}-zfs";
  words = vdev: lib.optional (vdev.mode != "") vdev.mode ++ map device vdev.members;
  # Single disks first: after a mirror they would be taken for further members of it.
  ordered = vdevs: lib.filter (v: v.mode == "") vdevs ++ lib.filter (v: v.mode != "") vdevs;
  section =
    keyword: vdevs: lib.optionals (vdevs != [ ]) ([ keyword ] ++ lib.concatMap words (ordered vdevs));
  list = keyword: members: lib.optionals (members != [ ]) ([ keyword ] ++ map device members);
  settings =
    flag:
    lib.concatMap (key: [
      flag
      key
    ]);
  assigned = lib.mapAttrsToList (key: value: "${key}=${value}");

  create = [
    "zpool"
    "create"
    "-f" # over what is left of an older pool; anything else on the disks was refused above
    "-R"
    mountRoot
  ]
  ++ settings "-o" (assigned options)
  ++ settings "-O" (assigned rootFsOptions)
  ++ [ name ]
  ++ lib.concatMap words (ordered topology.vdev)
  ++ section "special" topology.special
  ++ section "log" topology.log
  ++ list "cache" topology.cache
  ++ list "spare" topology.spare;

  everyDevice = map device (
    lib.concatMap (vdev: vdev.members) (topology.vdev ++ topology.special ++ topology.log)
    ++ topology.cache
    ++ topology.spare
  );
in
''
  if ! zpool list ${name} >/dev/null 2>&1 && ! zpool import -N -f ${name}; then
    for device in ${lib.escapeShellArgs everyDevice}; do
      held=$(blkid -o value -s TYPE "$device" || true)
      if [ -n "$held" ] && [ "$held" != zfs_member ]; then
        echo "zpool ${name}: $device already holds $held, so the pool is not made" >&2
        exit 1
      fi
    done
    ${lib.escapeShellArgs create}
  fi
''
