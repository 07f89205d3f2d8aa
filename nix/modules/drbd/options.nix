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
        {
          vmstore = {
            minor = 0;
            port = 7789;
            interface = "eno1.20";
            hosts.dl1 = { nodeId = 0; address = "10.10.20.11"; disk = "/dev/zvol/tank/drbd/vmstore"; };
            hosts.dl2 = { nodeId = 1; address = "10.10.20.12"; disk = "/dev/zvol/tank/drbd/vmstore"; };
            hosts.dl3 = { nodeId = 2; address = "10.10.20.13"; };
          };
        }
      '';
      description = "The replicated volumes this host takes part in; each is /dev/drbd/by-res/<name>/0.";
    };
  };
}
