# What join.sh is told: by its own unit, and by the first server's when that finds its cluster alive.
{ config }:
let
  cfg = config.homelab.kubeadm;
in
{
  config = config.sops.templates."kubeadm-join.yaml".path;
  package = "${cfg.package}";
  inherit (cfg) cluster endpoint runningKubelet;
}
