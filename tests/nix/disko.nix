# disko's options when no checkout is at hand: anything goes in, nothing comes out.
{ lib, ... }:
{
  options.disko = lib.mkOption {
    type = lib.types.attrsOf lib.types.anything;
    default = { };
  };
}
