# Keeps the door open for machines that are expected. kubeadm shuts it: the join token ends after a day, the CA's copy in the
# cluster after two hours. A machine that is installed next month cannot ask for either, it has no access yet; so every
# server looks after both. The CA is uploaded only while one of the servers the lab lists is missing or not ready.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.kubeadm;
  script = import ./script.nix { inherit cfg lib pkgs; };
in
{
  config = lib.mkIf (cfg.enable && cfg.role == "server") {
    systemd.services.homelab-kubeadm-join-window = {
      description = "let the machines of the cluster ${cfg.cluster} join it";
      after = [ "kubelet.service" ];
      serviceConfig = {
        Type = "oneshot";
        ExecStart = script "join-window" {
          config = config.sops.templates."kubeadm-init.yaml".path;
          servers = lib.attrNames cfg.servers;
        };
      };
    };

    systemd.timers.homelab-kubeadm-join-window = {
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnBootSec = "10m";
        OnUnitActiveSec = "1h"; # well within the two hours of the CA's copy
        RandomizedDelaySec = "5m"; # the servers take turns, more or less
      };
    };
  };
}
