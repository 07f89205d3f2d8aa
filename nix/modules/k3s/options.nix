# What a machine of a k3s cluster is told.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.homelab.k3s = import ./common-options.nix { inherit config lib; } // {
    enable = lib.mkEnableOption "k3s on this machine";

    version = mkOption {
      type = types.nullOr (types.strMatching "[0-9]+\\.[0-9]+");
      default = null;
      example = "1.35";
      description = ''
        Minor version of Kubernetes; null is the release's own choice, which moves when nixpkgs is updated. Raise it one
        minor at a time, servers first.
      '';
    };

    joinAddress = mkOption {
      type = types.nullOr types.nonEmptyStr;
      default = null;
      example = "192.168.10.50";
      description = "Address or name at which machines other than the first find the cluster: its VIP, or the first server.";
    };

    podNetwork = mkOption {
      type = types.enum [
        "flannel"
        "none"
      ];
      default = "flannel";
      example = "none";
      description = "Who connects pods across machines: the flannel that k3s brings, or something you install yourself.";
    };

    clusterDns = mkOption {
      type = types.nullOr types.nonEmptyStr;
      default = null;
      example = "10.43.0.10";
      description = "Address of the cluster's DNS service; null is the tenth address of serviceCidr.";
    };

    components = mkOption {
      type = types.listOf (
        types.enum [
          "coredns"
          "local-storage"
          "metrics-server"
          "servicelb"
          "traefik"
        ]
      );
      default = [ "coredns" ];
      example = [
        "coredns"
        "metrics-server"
        "traefik"
      ];
      description = "Which parts bundled with k3s are wanted; every other one is left out. The same on all servers.";
    };

    extraFlags = mkOption {
      type = types.listOf (types.strMatching "--[^ ]+([ =].*)?");
      default = [ ];
      example = [ "--etcd-expose-metrics" ];
      description = "Further flags of k3s, as they would be written on its command line.";
    };
  };
}
