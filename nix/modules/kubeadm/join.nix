# Every other machine joins the cluster.
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
  config = lib.mkIf (cfg.enable && !cfg.initialize) {
    systemd.services.homelab-kubeadm-join = unit "join the Kubernetes cluster ${cfg.cluster}" (script
      "join"
      (import ./join-values.nix { inherit config; })
    ) { };
  };
}
