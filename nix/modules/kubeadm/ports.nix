# What a kubeadm machine opens, and to whom.
{ config, lib, ... }:
let
  cfg = config.homelab.kubeadm;
  server = cfg.role == "server";
in
{
  config = lib.mkIf cfg.enable {
    homelab.kubernetesNode = {
      enable = true;
      inherit (cfg) interface;
      # 6443: API server. 10250: kubelet, asked by the API servers and by metrics-server, from whichever node that runs on.
      # Scheduler and controller manager (10259, 10257) listen on localhost only.
      tcp = lib.optional server 6443 ++ [ 10250 ];
      udp = lib.optional (cfg.podNetwork == "flannel") 8472; # VXLAN
      peers = lib.optionals server (
        lib.attrValues (lib.filterAttrs (_: address: address != cfg.nodeIp) cfg.servers)
      );
      peerPorts = [
        2379
        2380
      ];
    };
  };
}
