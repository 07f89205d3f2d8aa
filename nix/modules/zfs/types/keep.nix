# How many snapshots of each age are kept; `defaults` names the ages.
{ lib }:
defaults:
lib.types.submodule {
  options = lib.mapAttrs (
    period: count:
    lib.mkOption {
      type = lib.types.ints.unsigned;
      default = count;
      example = 4;
      description = "How many ${period} snapshots are kept.";
    }
  ) defaults;
}
