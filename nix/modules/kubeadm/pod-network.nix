# The pod network, put in and kept up to date by the first server.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.kubeadm;
  script = import ./script.nix { inherit cfg lib pkgs; };
  unit = import ./unit.nix { inherit lib; };
  manifest = (pkgs.formats.json { }).generate "flannel.json" {
    apiVersion = "v1";
    kind = "List";
    items = import ./flannel { inherit (cfg) podCidr; };
  };
in
{
  config =
    lib.mkIf (cfg.enable && cfg.role == "server" && cfg.initialize && cfg.podNetwork == "flannel")
      {
        systemd.services.homelab-kubeadm-pod-network =
          unit "give the cluster ${cfg.cluster} its pod network"
            (script "pod-network" { manifest = "${manifest}"; })
            { };
      };
}
