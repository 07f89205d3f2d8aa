# Settings that cannot work together, told before anything is built.
{ config, lib, ... }:
let
  cfg = config.homelab.kubeadm;
  host = config.networking.hostName;
  server = cfg.role == "server";
  count = lib.length (lib.attrNames cfg.servers);
  packaged = lib.versions.majorMinor cfg.package.version;
  refused = import ../k3s/refused-labels.nix { inherit lib; } cfg.labels;
  endpointHost = builtins.head (builtins.match "(.+):[0-9]+" cfg.endpoint);
  swap = map (device: device.device) config.swapDevices ++ lib.optional config.zramSwap.enable "zram";
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !(config.homelab.k3s.enable or false);
        message = "homelab.kubeadm on ${host}: homelab.k3s is on too; a machine belongs to one cluster, turn one of them off";
      }
      {
        assertion = cfg.version == null || cfg.version == packaged;
        message = "homelab.kubeadm.version on ${host}: ${toString cfg.version} is asked for, but homelab.kubeadm.package is Kubernetes ${cfg.package.version}; set version to \"${packaged}\" once the cluster is to have it, or package to one of ${toString cfg.version}";
      }
      {
        assertion = server || !cfg.initialize;
        message = "homelab.kubeadm.initialize on ${host}: an agent cannot start a cluster; set it on one of the servers";
      }
      {
        assertion = !server || cfg.initialize || count > 1;
        message = "homelab.kubeadm on ${host}: this is the only server and does not start the cluster, so nobody does; set initialize";
      }
      {
        assertion = !server || cfg.servers.${cfg.nodeName} or null == cfg.nodeIp;
        message = "homelab.kubeadm.servers on ${host}: this server is not among them as ${cfg.nodeName} with the address ${cfg.nodeIp}; add it, or its etcd is closed to the others";
      }
      {
        assertion = swap == [ ];
        message = "homelab.kubeadm on ${host}: there is swap (${lib.concatStringsSep ", " swap}) and the kubelet does not start with it; take it out, or set homelab.systemDisk.swapSize to null";
      }
      {
        assertion = refused == [ ];
        message = "homelab.kubeadm.labels on ${host}: a node may not give itself ${lib.concatStringsSep ", " refused}; the kubelet would not start. Take another prefix, or set it with kubectl label node";
      }
      {
        assertion = cfg.podNetwork != "flannel" || !lib.hasInfix ":" cfg.podCidr;
        message = "homelab.kubeadm.podCidr on ${host}: flannel is set up for IPv4 and ${cfg.podCidr} is not; choose an IPv4 network, or set podNetwork to \"none\" and install another";
      }
    ];

    warnings =
      lib.optional (server && count > 0 && lib.mod count 2 == 0)
        "homelab.kubeadm.servers on ${host}: with ${toString count} servers the cluster survives the loss of no more than with one less; make it an odd number"
      ++
        lib.optional (server && count > 1 && lib.elem endpointHost (lib.attrValues cfg.servers))
          "homelab.kubeadm.endpoint on ${host}: ${endpointHost} is one of the servers; when it is down nobody reaches the other ${toString (count - 1)}. It cannot be changed later: take a VIP";
  };
}
