# One pool: its disks and what is on them.
{ lib }:
let
  inherit (lib) mkOption types;
  disk = types.strMatching "/dev/.+";
  properties =
    what: example:
    mkOption {
      type = types.attrsOf types.singleLineStr;
      default = { };
      inherit example;
      description = what;
    };

  vdev = types.submodule {
    options = {
      layout = mkOption {
        type = types.strMatching "stripe|mirror|raidz[123]|draid[123](:[0-9]+[dcs])*";
        example = "raidz2";
        description = ''
          How the disks hold together: `stripe` (each on its own), `mirror`, `raidz1` to `raidz3`, or `draid1` to
          `draid3`, where `draid2:4d:1s` also says the data disks of a group and the distributed spares.
        '';
      };
      disks = mkOption {
        type = types.nonEmptyListOf disk;
        example = [
          "/dev/disk/by-id/ata-WD40EFRX_1"
          "/dev/disk/by-id/ata-WD40EFRX_2"
        ];
        description = "The vdev's disks, by their names under /dev/disk/by-id.";
      };
    };
  };

  vdevs =
    what:
    mkOption {
      type = types.listOf vdev;
      default = [ ];
      example = [
        {
          layout = "mirror";
          disks = [
            "/dev/disk/by-id/nvme-1"
            "/dev/disk/by-id/nvme-2"
          ];
        }
      ];
      description = what;
    };
  disks =
    what:
    mkOption {
      type = types.listOf disk;
      default = [ ];
      example = [ "/dev/disk/by-id/nvme-3" ];
      description = what;
    };
in
types.submodule {
  options = {
    vdevs = vdevs "The vdevs that hold the data.";
    special = vdevs "Vdevs for metadata and small blocks. Losing one loses the pool.";
    log = vdevs "Vdevs for synchronous writes.";
    cache = disks "Disks that extend the read cache.";
    spares = disks "Disks that replace a failed one at once.";
    options = properties "Properties of the pool itself." { autotrim = "on"; };
    properties = properties "ZFS properties of the root dataset, inherited by all others." {
      compression = "lz4";
    };
    encrypted = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether the pool is encrypted, with the 64 hexadecimal digits of the secret zfs-<host>-<pool>. The key is on
        the system disk: this protects disks that leave the house, not a host that leaves it.
      '';
    };
    datasets = mkOption {
      type = types.attrsOf (import ./dataset.nix { inherit lib; });
      default = { };
      example = lib.literalExpression ''{ media = { mountpoint = "/tank/media"; quota = "2T"; }; }'';
      description = "The pool's datasets by their names below it. One that is taken out of here stays on the pool.";
    };
  };
}
