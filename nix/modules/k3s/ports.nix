# What a k3s machine opens, and to whom.
{ config, lib, ... }:
let
  cfg = config.homelab.k3s;
  server = cfg.role == "server";
in
{
  config = lib.mkIf cfg.enable {
    homelab.kubernetesNode = {
      enable = true;
      inherit (cfg) interface;
      # 6443: API server, and the way every other machine joins. 10250: kubelet, asked by the API server for logs and by
      # metrics-server, from whichever node that runs on.
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
