# One dataset of a pool.
{ lib }:
let
  inherit (lib) mkOption types;
  keep = import ./keep.nix { inherit lib; };
  replica = import ./replica.nix { inherit lib; };
  size = types.strMatching "[0-9]+[KMGTP]?";
in
types.submodule {
  options = {
    mountpoint = mkOption {
      type = types.nullOr (types.strMatching "/.*[^/]");
      default = null;
      example = "/tank/vms";
      description = "Where it is mounted; null for a dataset that only holds others, such as the parent of volumes.";
    };
    properties = mkOption {
      type = types.attrsOf types.singleLineStr;
      default = { };
      example.recordsize = "1M";
      description = "ZFS properties of the dataset; those that only count at creation do so.";
    };
    quota = mkOption {
      type = types.nullOr size;
      default = null;
      example = "500G";
      description = "The most it and what is under it may take; null for no limit.";
    };
    reservation = mkOption {
      type = types.nullOr size;
      default = null;
      example = "50G";
      description = "Space kept free for it and what is under it; null for none.";
    };
    snapshots = mkOption {
      type = types.nullOr (keep {
        hourly = 24;
        daily = 7;
        weekly = 4;
        monthly = 6;
        yearly = 0;
      });
      default = null;
      example.daily = 14;
      description = "Snapshots to take of it and of everything under it, and how many to keep; null for none of its own.";
    };
    replicate = mkOption {
      type = types.nullOr replica;
      default = null;
      example = {
        host = "dl2";
        address = "10.10.20.12";
        dataset = "tank/backup/dl1-vms";
      };
      description = "Where its snapshots, and those of everything under it, are copied to; null for nowhere.";
    };
  };
}
