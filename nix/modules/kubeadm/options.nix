# What a machine of a kubeadm cluster is told.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
in
{
  options.homelab.kubeadm = import ../k3s/common-options.nix { inherit config lib; } // {
    enable = lib.mkEnableOption "a Kubernetes node made by kubeadm on this machine";

    package = lib.mkPackageOption pkgs "kubernetes" {
      extraDescription = "Brings kubeadm and the kubelet; a running node changes over when its cluster has.";
    };

    version = mkOption {
      type = types.nullOr (types.strMatching "[0-9]+\\.[0-9]+");
      default = null;
      example = "1.35";
      description = ''
        Minor version of Kubernetes that `package` must have: a guard against an update of nixpkgs that brings the next one
        unasked. null takes what comes.
      '';
    };

    endpoint = mkOption {
      type = types.strMatching "[^ /]+:[0-9]+";
      example = "192.168.10.50:6443";
      description = "Address or name, and port, of the control plane as a whole: its VIP, or the only server. Fixed when the cluster is made.";
    };

    caCertHashes = mkOption {
      type = types.listOf (types.strMatching "sha256:[0-9a-f]{64}");
      default = [ ];
      example = [ "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" ];
      description = ''
        Public key hashes a joining machine accepts as the cluster's CA. The first server says its own when it has made the
        cluster. Empty: the CA is believed because it comes signed with the join token.
      '';
    };

    podNetwork = mkOption {
      type = types.enum [
        "flannel"
        "none"
      ];
      default = "flannel";
      example = "none";
      description = "Who connects pods across machines: flannel, put in by the first server, or something you install yourself.";
    };

    sandboxImage = mkOption {
      type = types.nonEmptyStr;
      default = "registry.k8s.io/pause:3.10.1";
      example = "mirror.home.arpa:5000/pause:3.10.1";
      description = "Image that holds a pod's namespaces; the one `kubeadm config images list` names.";
    };

    extraFlags = mkOption {
      type = types.listOf (types.strMatching "--[a-z][-a-z0-9]*=.*");
      default = [ ];
      example = [ "--max-pods=200" ];
      description = "Further flags of this machine's kubelet, as `--name=value`. They count when the machine joins.";
    };
  };
}
