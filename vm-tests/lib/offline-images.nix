# The images that kubeadm and its pod network ask for, made of the packages of nixpkgs: a test has no registry. They are tagged
# on the machine, where kubeadm says what its version calls them.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.kubeadm;

  image =
    name: settings:
    pkgs.dockerTools.buildLayeredImage {
      name = "docker.io/vm-tests/${name}";
      tag = "1";
      contents = [ places ];
      extraCommands = "mkdir -p tmp";
      config = settings;
    };
  path = packages: { Env = [ "PATH=${lib.makeBinPath packages}" ]; };

  # What is called by its place and not by its name.
  places = pkgs.linkFarm "places" {
    "usr/local/bin/kube-proxy" = "${cfg.package}/bin/kube-proxy";
    "opt/bin/flanneld" = "${pkgs.flannel}/bin/flannel";
    "opt/bin/install-conf" = pkgs.writeShellScript "install-conf" ''
      exec ${pkgs.coreutils}/bin/cp "$1" "$2"
    '';
  };

  images = {
    kubernetes = image "kubernetes" (path [
      cfg.package
      pkgs.busybox
      pkgs.conntrack-tools
      pkgs.flannel
      pkgs.iptables
      pkgs.nftables
    ]);
    etcd = image "etcd" (path [ pkgs.etcd ]);
    coredns = image "coredns" { Entrypoint = [ (lib.getExe pkgs.coredns) ]; };
    pause = image "pause" { Entrypoint = [ "${cfg.package.pause}/bin/pause" ]; };
  };
  flannel = (import ../../nix/modules/kubeadm/flannel/pod.nix { name = "kube-flannel"; }).containers;
in
{
  systemd.services.homelab-offline-images = {
    description = "Images for a cluster without a registry";
    after = [ "containerd.service" ];
    requires = [ "containerd.service" ];
    before = [
      "homelab-kubeadm-init.service"
      "homelab-kubeadm-join.service"
      "kubelet.service"
    ];
    wantedBy = [ "multi-user.target" ];
    path = [
      cfg.package
      pkgs.containerd
    ];
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
    };
    script = ''
      ctr() {
        command ctr --namespace k8s.io images "$@"
      }
      ${lib.concatMapStrings (one: "ctr import ${one}\n") (lib.attrValues images)}
      version=$(kubeadm version --output short)
      for name in $(kubeadm config images list --kubernetes-version "$version") ${cfg.sandboxImage} ${toString (lib.catAttrs "image" flannel)}; do
        case $name in
          */etcd:*) from=etcd ;;
          */coredns:*) from=coredns ;;
          */pause:*) from=pause ;;
          *) from=kubernetes ;;
        esac
        ctr tag --force "docker.io/vm-tests/$from:1" "$name"
      done
    '';
  };
}
