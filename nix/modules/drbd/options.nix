{ lib, ... }:
let
  inherit (lib) mkOption types;
  resource = import ./types.nix { inherit lib; };
in
{
  options.homelab.drbd = {
    enable = lib.mkEnableOption "volumes that DRBD keeps identical on several hosts";

    version = mkOption {
      type = types.enum [
        "9"
        "8.4"
      ];
      default = "9";
      example = "8.4";
      description = "DRBD 9, whose module is built beside the kernel, or the 8.4 that is part of it: two hosts, no quorum.";
    };

    resources = mkOption {
      type = types.attrsOf resource;
      default = { };
      example = lib.literalExpression ''
        { vmstore = { minor = 0; port = 7789; interface = "eno1.20"; hosts = { ... }; }; }
      '';
      description = "The replicated volumes this host takes part in; each is /dev/drbd/by-res/<name>/0.";
    };
  };
}
