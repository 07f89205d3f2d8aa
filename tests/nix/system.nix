# Options of NixOS that the table lacks because they are internal, computed or convert their values.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  readOnly =
    value:
    mkOption {
      type = types.anything;
      readOnly = true;
      default = value;
    };
  fqdn = "${config.networking.hostName}${
    lib.optionalString (config.networking.domain != null) ".${config.networking.domain}"
  }";
  zfsIn = filesystems: filesystems.zfs or false;
in
{
  options = {
    assertions = mkOption {
      type = types.listOf types.unspecified;
      default = [ ];
    };
    warnings = mkOption {
      type = types.listOf types.str;
      default = [ ];
    };
    lib = mkOption {
      type = types.attrsOf types.attrs;
      default = { };
    };
    meta = mkOption {
      type = types.attrsOf types.anything;
      default = { };
    };
    system.build = mkOption {
      type = types.lazyAttrsOf types.unspecified;
      default = { };
    };
    nixpkgs = mkOption {
      type = types.submodule {
        freeformType = types.attrsOf types.anything;
        options.hostPlatform = mkOption {
          type = types.either types.str types.attrs;
          apply = lib.systems.elaborate;
        };
      };
      default = { };
    };
    boot.kernelPackages = mkOption {
      type = types.raw;
      default = pkgs.linuxPackages;
    };
    boot.supportedFilesystems = mkOption {
      type = types.coercedTo (types.listOf types.str) (names: lib.genAttrs names (_: true)) (
        types.attrsOf types.bool
      );
      default = { };
    };
    boot.zfs.enabled = readOnly (
      zfsIn config.boot.supportedFilesystems
      || lib.any (filesystem: filesystem.fsType == "zfs") (lib.attrValues config.fileSystems)
    );
    networking.fqdn = readOnly fqdn;
    networking.fqdnOrHostName = readOnly fqdn;
    environment.etc = mkOption {
      default = { };
      type = types.attrsOf (
        types.submodule (
          {
            name,
            config,
            options,
            ...
          }:
          {
            options = {
              enable = mkOption {
                type = types.bool;
                default = true;
              };
              target = mkOption {
                type = types.str;
                default = name;
              };
              text = mkOption {
                type = types.nullOr types.lines;
                default = null;
              };
              source = mkOption { type = types.path; };
              mode = mkOption {
                type = types.str;
                default = "symlink";
              };
              uid = mkOption {
                type = types.int;
                default = 0;
              };
              gid = mkOption {
                type = types.int;
                default = 0;
              };
              user = mkOption {
                type = types.str;
                default = "+${toString config.uid}";
              };
              group = mkOption {
                type = types.str;
                default = "+${toString config.gid}";
              };
            };
            config.source = lib.mkIf (config.text != null) (
              lib.mkDerivedConfig options.text (pkgs.writeText "etc-${baseNameOf name}")
            );
          }
        )
      );
    };
  };
}
