# What kubeadm is told, as it is written to /run/secrets/rendered: the two secrets are filled in on the machine.
{ config, lib, ... }:
let
  cfg = config.homelab.kubeadm;
  node = config.homelab.kubernetesNode;
  server = cfg.role == "server";
  secret = name: config.sops.placeholder."kubeadm-${cfg.cluster}-${name}";
  kubeadm = kind: { apiVersion = "kubeadm.k8s.io/v1beta4"; } // { inherit kind; };

  # JSON is YAML, and what Nix writes needs no quoting of ours.
  documents = lib.concatMapStringsSep "\n---\n" builtins.toJSON;

  taint =
    text:
    let
      parts = builtins.match "([^=:]+)(=([^:]*))?:(.+)" text;
      value = lib.elemAt parts 2;
    in
    {
      key = lib.elemAt parts 0;
      effect = lib.elemAt parts 3;
    }
    // lib.optionalAttrs (value != null) { inherit value; };

  flag =
    text:
    let
      parts = builtins.match "--([^=]+)=(.*)" text;
    in
    lib.nameValuePair (lib.elemAt parts 0) (lib.elemAt parts 1);

  nodeRegistration = {
    name = cfg.nodeName;
    criSocket = "unix:///run/containerd/containerd.sock";
    # Always said: left out, kubeadm would keep workloads off the control plane, and in a lab of three that is everything.
    taints = map taint cfg.taints;
    kubeletExtraArgs = [
      # A machine with several addresses would otherwise be known by the one of its default route.
      (lib.nameValuePair "node-ip" cfg.nodeIp)
    ]
    ++ lib.optional (cfg.labels != { }) (
      lib.nameValuePair "node-labels" (
        lib.concatStringsSep "," (lib.mapAttrsToList (name: value: "${name}=${value}") cfg.labels)
      )
    )
    ++ map flag cfg.extraFlags;
  };

  localAPIEndpoint = {
    advertiseAddress = cfg.nodeIp;
    bindPort = 6443;
  };

  init = kubeadm "InitConfiguration" // {
    inherit nodeRegistration localAPIEndpoint;
    bootstrapTokens = [
      {
        token = secret "token";
        description = "machines of this lab join with it";
        # Short, and made longer every hour by homelab-kubeadm-join-window: a token taken out of use dies by itself.
        ttl = "24h0m0s";
        usages = [
          "authentication"
          "signing"
        ];
        groups = [ "system:bootstrappers:kubeadm:default-node-token" ];
      }
    ];
    certificateKey = secret "certificate-key";
  };

  cluster = kubeadm "ClusterConfiguration" // {
    clusterName = cfg.cluster;
    kubernetesVersion = "v${cfg.package.version}";
    controlPlaneEndpoint = cfg.endpoint;
    apiServer.certSANs = lib.unique (
      lib.attrNames cfg.servers ++ lib.attrValues cfg.servers ++ cfg.tlsSans
    );
    networking = {
      podSubnet = cfg.podCidr;
      serviceSubnet = cfg.serviceCidr;
      dnsDomain = cfg.clusterDomain;
    };
  };

  kubelet = {
    apiVersion = "kubelet.config.k8s.io/v1beta1";
    kind = "KubeletConfiguration";
    cgroupDriver = "systemd";
    shutdownGracePeriod = "${toString node.shutdownSeconds}s";
    shutdownGracePeriodCriticalPods = "${toString node.criticalShutdownSeconds}s";
  };

  join =
    kubeadm "JoinConfiguration"
    // {
      inherit nodeRegistration;
      discovery.bootstrapToken = {
        apiServerEndpoint = cfg.endpoint;
        token = secret "token";
      }
      // (
        if cfg.caCertHashes == [ ] then
          # The CA comes signed with the token, which only this lab's machines can read: who does not have it cannot pass
          # off a CA of his own. Who has it could; that is what caCertHashes is for.
          { unsafeSkipCAVerification = true; }
        else
          { inherit (cfg) caCertHashes; }
      );
    }
    // lib.optionalAttrs server {
      controlPlane = {
        inherit localAPIEndpoint;
        certificateKey = secret "certificate-key";
      };
    };
in
{
  config = lib.mkIf cfg.enable {
    homelab.secrets.needed = {
      "kubeadm-${cfg.cluster}-token".usedFor = "machines join the cluster ${cfg.cluster} with it";
    }
    // lib.optionalAttrs server {
      "kubeadm-${cfg.cluster}-certificate-key".usedFor =
        "servers hand the CA of the cluster ${cfg.cluster} to a new server, encrypted with it";
    };

    sops.templates = {
      "kubeadm-join.yaml".content = documents [ join ];
    }
    // lib.optionalAttrs server {
      "kubeadm-init.yaml".content = documents [
        init
        cluster
        kubelet
      ];
    };
  };
}
