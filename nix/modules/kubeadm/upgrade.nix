# Brings the cluster, then this machine's kubelet, to the version of this system's package.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.kubeadm;
  server = cfg.role == "server";
  script = import ./script.nix { inherit cfg lib pkgs; };
  unit = import ./unit.nix { inherit lib; };
  # One server after the other, as each restarts its etcd; and no kubelet before every API server is as new.
  before = lib.filterAttrs (name: _: !server || name < cfg.nodeName) cfg.servers;
in
{
  config = lib.mkIf cfg.enable {
    systemd.services.homelab-kubeadm-upgrade =
      unit "upgrade Kubernetes on this machine of the cluster ${cfg.cluster}"
        (script "upgrade" {
          target = "v${cfg.package.version}";
          package = "${cfg.package}";
          first = lib.boolToString (server && cfg.initialize);
          inherit (cfg)
            role
            runningKubelet
            cluster
            nodeName
            ;
          before = lib.attrValues before;
        })
        {
          # EX_CONFIG: it refused, and will refuse again.
          serviceConfig.RestartPreventExitStatus = 78;
        };
  };
}
