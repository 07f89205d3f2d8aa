# The server that starts the cluster.
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
in
{
  config = lib.mkIf (cfg.enable && cfg.role == "server" && cfg.initialize) {
    systemd.services.homelab-kubeadm-init = unit "start the Kubernetes cluster ${cfg.cluster}" (script
      "init"
      {
        config = config.sops.templates."kubeadm-init.yaml".path;
        others = lib.attrValues (lib.filterAttrs (_: address: address != cfg.nodeIp) cfg.servers);
        join = script "join" (import ./join-values.nix { inherit config; });
        package = "${cfg.package}";
        inherit (cfg) runningKubelet cluster;
      }
    ) { };
  };
}
