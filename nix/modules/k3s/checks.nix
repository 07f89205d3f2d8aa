# Settings that cannot work together, told before anything is built.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.k3s;
  host = config.networking.hostName;
  server = cfg.role == "server";
  count = lib.length (lib.attrNames cfg.servers);
  packageName = "k3s_${lib.replaceStrings [ "." ] [ "_" ] cfg.version}";
  available = map (lib.replaceStrings [ "k3s_" "_" ] [ "" "." ]) (
    lib.filter (name: builtins.match "k3s_[0-9]+_[0-9]+" name != null) (lib.attrNames pkgs)
  );
  refused = import ./refused-labels.nix { inherit lib; } cfg.labels;
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !config.homelab.kubeadm.enable or false;
        message = "homelab.k3s on ${host}: homelab.kubeadm is on too; a machine belongs to one cluster, turn one of them off";
      }
      {
        assertion = cfg.version == null || pkgs ? ${packageName};
        message = "homelab.k3s.version on ${host}: this nixpkgs has no k3s ${toString cfg.version}, only ${lib.concatStringsSep ", " available}; choose one of these";
      }
      {
        assertion = server || cfg.joinAddress != null;
        message = "homelab.k3s.joinAddress on ${host}: an agent has to be told where its cluster is; set it to the VIP or the first server";
      }
      {
        assertion = server || !cfg.initialize;
        message = "homelab.k3s.initialize on ${host}: an agent cannot start a cluster; set it on one of the servers";
      }
      {
        assertion = !server || cfg.initialize || cfg.joinAddress != null || count <= 1;
        message = "homelab.k3s on ${host}: the cluster has ${toString count} servers, but this one neither starts nor joins it and would be a cluster of its own; set initialize on one server and joinAddress on the others";
      }
      {
        assertion = !server || cfg.servers.${cfg.nodeName} or null == cfg.nodeIp;
        message = "homelab.k3s.servers on ${host}: this server is not among them as ${cfg.nodeName} with the address ${cfg.nodeIp}; add it, or its etcd is closed to the others";
      }
      {
        assertion = refused == [ ];
        message = "homelab.k3s.labels on ${host}: a node may not give itself ${lib.concatStringsSep ", " refused}; k3s would not start. Take another prefix, or set it with kubectl label node";
      }
    ];

    warnings = lib.optional (server && cfg.servers != { } && lib.mod count 2 == 0) (
      "homelab.k3s.servers on ${host}: with ${toString count} servers the cluster survives the loss of no more than with one less; make it an odd number"
    );
  };
}
