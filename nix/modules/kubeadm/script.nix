# One of kubeadm's scripts: the shell file beside this one, with the values it names at its top put before it.
{
  cfg,
  lib,
  pkgs,
}:
name: values:
lib.getExe (
  pkgs.writeShellApplication {
    name = "homelab-kubeadm-${name}";
    # What kubeadm looks for on PATH before it does anything, and what the scripts call. systemctl is the system's own.
    runtimeInputs = [
      cfg.package
      pkgs.conntrack-tools
      pkgs.coreutils
      pkgs.cri-tools
      pkgs.curl
      pkgs.ethtool
      pkgs.gnused
      pkgs.iproute2
      pkgs.iptables
      pkgs.kmod
      pkgs.kubectl
      pkgs.openssl
      pkgs.socat
      pkgs.util-linux
    ];
    # A service has no HOME, and without one kubectl keeps its cache in the root directory.
    text = "export HOME=/root\n${lib.toShellVars values}\n${builtins.readFile ./${name}.sh}";
  }
)
