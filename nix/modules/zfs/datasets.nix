# Datasets that are declared after the installation: made and kept as declared by every boot and every deploy.
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
      runtimeInputs = [ config.boot.zfs.package ];
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

  serviceOf =
    name: pool:
    lib.nameValuePair (unit name) {
      description = "Datasets of the ZFS pool ${name}";
      wantedBy = [ "multi-user.target" ];
      requires = [ "zfs-import-${name}.service" ];
      after = [ "zfs-import-${name}.service" ];
      # Early, like the import: what it makes is mounted before most services start.
      unitConfig.DefaultDependencies = false;
      before = [ "shutdown.target" ];
      conflicts = [ "shutdown.target" ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = lib.getExe (script name pool);
      };
    };

  mountpoints =
    pool: lib.filter (m: m != null) (lib.catAttrs "mountpoint" (lib.attrValues pool.datasets));
  needed = import ./needed-for-boot.nix;
  # Ordered, not required: a required unit that is restarted takes the mounts, and their users, with it. Stage 1 knows
  # nothing of the unit, so what it mounts does without.
  mountsOf =
    name: pool:
    lib.genAttrs (lib.subtractLists needed (mountpoints pool)) (_: {
      options = [ "x-systemd.after=${unit name}.service" ];
    });
in
{
  config = lib.mkIf cfg.enable {
    systemd.services = lib.mapAttrs' serviceOf cfg.pools;
    fileSystems = lib.mkMerge (lib.mapAttrsToList mountsOf cfg.pools);
  };
}
