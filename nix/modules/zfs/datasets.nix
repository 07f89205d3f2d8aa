# Datasets declared after the installation: made and kept as declared by every boot, and by a deploy that changes them.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.zfs;
  propertiesOf = import ./properties.nix { inherit lib; };
  unit = pool: "homelab-zfs-datasets-${pool}";

  ensure =
    dataset: properties:
    "ensure ${
      lib.escapeShellArgs ([ dataset ] ++ lib.mapAttrsToList (key: value: "${key}=${value}") properties)
    }\n";
  rootProperties = pool: import ./defaults.nix // pool.properties;

  script =
    name: pool:
    pkgs.writeShellApplication {
      name = unit name;
      runtimeInputs = [
        config.boot.zfs.package
        pkgs.coreutils
      ];
      text =
        lib.readFile ./ensure-datasets.sh
        + ensure name (rootProperties pool)
        + lib.concatStrings (
          lib.mapAttrsToList (
            dataset: value: ensure "${name}/${dataset}" (propertiesOf.dataset value)
          ) pool.datasets
        )
        + "finish\n";
    };

  # Stage 1 knows nothing of the unit, so what it mounts does without.
  needed = import ./needed-for-boot.nix;
  mountpoints =
    pool: lib.filter (m: m != null) (lib.catAttrs "mountpoint" (lib.attrValues pool.datasets));
  # As systemd names it: /srv/my-files is mounted by srv-my\x2dfiles.mount.
  special = lib.stringToCharacters " !\"#$%&'()*+,-;<=>?@[\\]^`{|}~";
  mountUnit =
    path:
    "${
      lib.replaceStrings [ "/" ] [ "-" ] (lib.removePrefix "/" (lib.strings.escapeC special path))
    }.mount";
  mountsOf = pool: map mountUnit (lib.subtractLists needed (mountpoints pool));

  serviceOf =
    name: pool:
    lib.nameValuePair (unit name) {
      description = "Datasets of the ZFS pool ${name}";
      # By the mounts too: a deploy starts units in no set order, and the mount of a new dataset would not wait for one
      # that is not on its way yet. Not required: a restart of it would take the mounts along, and their users.
      wantedBy = [ "multi-user.target" ] ++ mountsOf pool;
      requires = [ "zfs-import-${name}.service" ];
      after = [ "zfs-import-${name}.service" ];
      # Early, like the import: what it makes is mounted before most services start.
      unitConfig.DefaultDependencies = false;
      before = [ "shutdown.target" ] ++ mountsOf pool;
      conflicts = [ "shutdown.target" ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = lib.getExe (script name pool);
      };
    };
in
{
  config = lib.mkIf cfg.enable { systemd.services = lib.mapAttrs' serviceOf cfg.pools; };
}
