# The kubelet, whose configuration kubeadm writes.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.kubeadm;
  directory = mode: {
    d = {
      inherit mode;
      user = "root";
      group = "root";
    };
  };
  plugins = "${pkgs.cni-plugins}/bin/* ${
    lib.optionalString (cfg.podNetwork == "flannel") "${pkgs.cni-plugin-flannel}/bin/flannel"
  }";
in
{
  # The kubelet in use is not the one of the running system but the one this link names: it must never be newer than the
  # API server, and a switch or a reboot brings the new system before the cluster has been upgraded. The upgrade moves the
  # link when its turn has come. Being among the garbage collector's roots it keeps its target.
  options.homelab.kubeadm.runningKubelet = lib.mkOption {
    type = lib.types.str;
    readOnly = true;
    internal = true;
    default = "/nix/var/nix/gcroots/homelab-kubelet";
    example = "/nix/var/nix/gcroots/homelab-kubelet";
    description = "Link to the package whose kubelet this machine runs.";
  };

  config = lib.mkIf cfg.enable {
    systemd.services.kubelet = {
      description = "Kubernetes node agent";
      documentation = [ "https://kubernetes.io/docs/" ];
      wantedBy = [ "multi-user.target" ];
      after = [
        "containerd.service"
        "network-online.target"
        "time-sync.target"
      ];
      wants = [
        "containerd.service"
        "network-online.target"
        "time-sync.target"
      ];

      # Until kubeadm has written this, the kubelet could only crash; kubeadm starts it as soon as it has.
      unitConfig = {
        ConditionPathExists = "/var/lib/kubelet/config.yaml";
        StartLimitIntervalSec = 0; # a node out of reach of its API server keeps trying
      };

      # Volumes of other kinds need their tools here too: `systemd.services.kubelet.path` takes more.
      path = [
        pkgs.conntrack-tools
        pkgs.ethtool
        pkgs.iproute2
        pkgs.iptables # pods with an iptables of their own find out by the kubelet's rules which kind is in use
        pkgs.kmod
        pkgs.socat
        pkgs.util-linux
      ];

      preStart = ''
        if [ ! -e ${cfg.runningKubelet}/bin/kubelet ]; then
          ln --symbolic --force --no-dereference ${cfg.package} ${cfg.runningKubelet}
        fi
        # Copies: pod networks add theirs to this directory, and some write over what they find.
        install --mode 0755 --target-directory /opt/cni/bin ${plugins}
      '';

      # As in kubeadm's own unit: what it writes to the two files comes in by these variables.
      environment = {
        KUBELET_KUBECONFIG_ARGS = "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf";
        KUBELET_CONFIG_ARGS = "--config=/var/lib/kubelet/config.yaml";
      };
      serviceConfig = {
        EnvironmentFile = "-/var/lib/kubelet/kubeadm-flags.env";
        ExecStart = "${cfg.runningKubelet}/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS";
        Restart = "always";
        RestartSec = "10s";
      };
    };

    # Plain directories, not links into the store: kubeadm, pod networks and storage drivers write there.
    systemd.tmpfiles.settings."10-homelab-kubeadm" = {
      "/etc/cni/net.d" = directory "0755";
      "/etc/kubernetes" = directory "0755";
      "/etc/kubernetes/manifests" = directory "0755";
      "/opt/cni/bin" = directory "0755";
      "/var/lib/etcd" = directory "0700";
      "/var/lib/homelab-kubeadm" = directory "0700";
      "/var/lib/kubelet" = directory "0755";
    };

    environment.systemPackages = [
      cfg.package
      pkgs.kubectl
    ];
  };
}
