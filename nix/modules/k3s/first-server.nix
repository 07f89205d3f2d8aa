# The server that starts the cluster does so once. Installed anew, or with its disk lost, it would start a second one beside
# the living: `--cluster-init` on an empty disk asks nobody. So it asks here, and k3s is told to join when one answers.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.k3s;
  bracketed = address: if lib.hasInfix ":" address then "[${address}]" else address;
  others = lib.mapAttrsToList (_: bracketed) (
    lib.filterAttrs (_: address: address != cfg.nodeIp) cfg.servers
  );
  first-server = pkgs.writeShellApplication {
    name = "homelab-k3s-first-server";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.curl
    ];
    text = ''
      environment=/run/homelab-k3s/environment

      mkdir -p "$(dirname "$environment")"
      : > "$environment"
      if [ -d /var/lib/rancher/k3s/server/db/etcd/member ]; then
        exit 0 # the cluster is on this disk: k3s goes on with it, whatever it is told
      fi
      for server in ${lib.escapeShellArgs others}; do
        # Any answer counts, an error too: a server that has lost its quorum still belongs to a cluster.
        if curl --silent --insecure --max-time 5 --output /dev/null "https://$server:6443/ping"; then
          echo "$server answers: this machine joins its cluster, once ${cfg.nodeName}'s old self is out of it (kubectl delete node ${cfg.nodeName})"
          echo "K3S_URL=https://$server:6443" > "$environment"
          exit 0
        fi
      done
      echo "no other server answers: this machine starts the cluster ${cfg.cluster}"
    '';
  };
in
{
  config = lib.mkIf (cfg.enable && cfg.role == "server" && cfg.initialize && others != [ ]) {
    services.k3s.environmentFile = "/run/homelab-k3s/environment";

    systemd.services.homelab-k3s-first-server = {
      description = "find out whether the k3s cluster ${cfg.cluster} exists already";
      after = [ "network-online.target" ];
      wants = [ "network-online.target" ];
      before = [ "k3s.service" ];
      wantedBy = [ "k3s.service" ];
      # Not RemainAfterExit: every start of k3s asks again, also after its disk was emptied by hand.
      serviceConfig = {
        Type = "oneshot";
        ExecStart = lib.getExe first-server;
      };
    };
  };
}
