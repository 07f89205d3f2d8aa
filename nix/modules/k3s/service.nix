# homelab.k3s as services.k3s of NixOS.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.k3s;
  node = config.homelab.kubernetesNode;
  server = cfg.role == "server";
  withFlannel = cfg.podNetwork == "flannel";
  bracketed = address: if lib.hasInfix ":" address then "[${address}]" else address;
  bundled = [
    "coredns"
    "local-storage"
    "metrics-server"
    "servicelb"
    "traefik"
  ];
  flag = name: value: "--${name}=${value}";
  serverFlags = [
    # These have to be the same on all servers, so they are always written out: a default that changes with a new k3s
    # would set the first upgraded server against the rest.
    (flag "cluster-cidr" cfg.podCidr)
    (flag "service-cidr" cfg.serviceCidr)
    (flag "cluster-domain" cfg.clusterDomain)
  ]
  ++ lib.optional (cfg.clusterDns != null) (flag "cluster-dns" cfg.clusterDns)
  # A pod network of one's own brings its own policies; two enforcers would undo each other's rules.
  ++ lib.optionals (!withFlannel) [
    (flag "flannel-backend" "none")
    "--disable-network-policy"
  ]
  ++ map (flag "tls-san") (
    lib.unique (lib.optional (cfg.joinAddress != null) cfg.joinAddress ++ cfg.tlsSans)
  );
  packageName = "k3s_${lib.replaceStrings [ "." ] [ "_" ] cfg.version}";
in
{
  config = lib.mkIf cfg.enable {
    services.k3s = {
      enable = true;
      inherit (cfg) role nodeName;
      package = lib.mkIf (cfg.version != null && pkgs ? ${packageName}) pkgs.${packageName};

      # Embedded etcd, even if it stays alone for a while. A server that neither starts nor joins a cluster keeps SQLite:
      # less to write and to hold in memory, and nobody to share it with.
      clusterInit = server && cfg.initialize;
      serverAddr = lib.mkIf (
        !cfg.initialize && cfg.joinAddress != null
      ) "https://${bracketed cfg.joinAddress}:6443";

      # Two tokens: an agent's opens no server's door, and the server's also decrypts the CA kept in the datastore.
      tokenFile =
        config.sops.secrets."k3s-${cfg.cluster}-${lib.optionalString (!server) "agent-"}token".path;
      agentTokenFile = lib.mkIf server config.sops.secrets."k3s-${cfg.cluster}-agent-token".path;

      disable = lib.optionals server (lib.subtractLists cfg.components bundled);

      nodeIP = cfg.nodeIp;
      nodeLabel = lib.mapAttrsToList (name: value: "${name}=${value}") cfg.labels;
      nodeTaint = cfg.taints;

      # k3s.service kills no containers when it stops, so a restart or a switch leaves the pods running. The other side of
      # that: at shutdown nobody would tell them, and they would be killed with their connections open.
      gracefulNodeShutdown = {
        enable = true;
        shutdownGracePeriod = "${toString node.shutdownSeconds}s";
        shutdownGracePeriodCriticalPods = "${toString node.criticalShutdownSeconds}s";
      };

      extraFlags =
        # By name and not by default route, which on a machine with several networks is the wrong one half the time.
        lib.optional withFlannel (flag "flannel-iface" cfg.interface)
        ++ [
          # On ZFS too: overlayfs works there since OpenZFS 2.2, while the zfs snapshotter wants a dataset of its own mounted
          # in a set place and makes another for every image layer, hundreds that slow down each import and `zfs list`.
          (flag "snapshotter" "overlayfs")
        ]
        ++ lib.optionals server serverFlags
        ++ cfg.extraFlags;
    };

    systemd.services.k3s = {
      after = [ "time-sync.target" ];
      wants = [ "time-sync.target" ];
    };

    homelab.secrets.needed =
      lib.optionalAttrs server {
        "k3s-${cfg.cluster}-token".usedFor =
          "servers of the k3s cluster ${cfg.cluster} know each other by it";
      }
      // {
        "k3s-${cfg.cluster}-agent-token".usedFor = "agents join the k3s cluster ${cfg.cluster} with it";
      };
  };
}
