# The pools as disko makes them at installation.
{ config, lib, ... }:
let
  cfg = config.homelab.zfs;
  layoutOf = import ./layout.nix { inherit lib; };
  propertiesOf = import ./properties.nix { inherit lib; };
  createDraid = import ./draid.nix { inherit lib; };

  diskOf =
    pool: disk:
    lib.nameValuePair disk.name {
      type = "disk";
      inherit (disk) device;
      content = {
        type = "gpt";
        # disko finds a member of a topology by this name of its partition.
        partitions.zfs = {
          size = "100%";
          content = {
            type = "zfs";
            inherit pool;
          };
        };
      };
    };

  datasetOf = dataset: {
    type = "zfs_fs";
    inherit (dataset) mountpoint;
    options = propertiesOf.dataset dataset;
    # A data pool that cannot be imported costs its data, not the whole host: boot goes on without it.
    mountOptions = [ "nofail" ];
  };

  zpoolOf =
    name: pool:
    let
      layout = layoutOf name pool;
      described = {
        options = propertiesOf.pool pool;
        rootFsOptions = propertiesOf.root {
          inherit pool;
          keyFile = config.sops.secrets."zfs-${config.networking.hostName}-${name}".path;
        };
      };
    in
    described
    // {
      type = "zpool";
      # Draid is made before disko looks, by the hook below; what disko itself would make of the disks is never used.
      mode =
        if layout.isDraid then
          ""
        else
          {
            topology = layout.topology // {
              type = "topology";
            };
          };
      preCreateHook = lib.mkIf layout.isDraid (createDraid {
        inherit name;
        inherit (layout) topology;
        inherit (described) options rootFsOptions;
        mountRoot = config.disko.rootMountPoint;
      });
      datasets = lib.mapAttrs (_: datasetOf) pool.datasets;
    };
in
{
  config = lib.mkIf cfg.enable {
    disko.devices = {
      disk = lib.mkMerge (
        lib.mapAttrsToList (
          name: pool: lib.listToAttrs (map (diskOf name) (layoutOf name pool).disks)
        ) cfg.pools
      );
      zpool = lib.mapAttrs zpoolOf cfg.pools;
    };
  };
}
