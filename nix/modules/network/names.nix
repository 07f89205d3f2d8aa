# The machines of the lab by name, from a file: they find each other while no name server answers.
{ config, lib, ... }:
let
  cfg = config.homelab.network;
  inherit (config.networking) domain hostName;

  entry = name: address: {
    ${address} = lib.optional (domain != null) "${name}.${domain}" ++ [ name ];
  };
in
{
  config = lib.mkIf cfg.enable {
    networking.hosts = lib.mkMerge (
      lib.mapAttrsToList entry cfg.names
      # NixOS gives the own name to 127.0.0.2. etcd, kubeadm or DRBD asking for it would then tell their peers an address
      # that leads nowhere.
      ++ lib.optional (cfg.names ? ${hostName}) { "127.0.0.2" = lib.mkForce [ ]; }
    );
  };
}
