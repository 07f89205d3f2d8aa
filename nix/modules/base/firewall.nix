# Nothing is open but ssh and what a module or an interface opens.
{ config, lib, ... }:
let
  cfg = config.homelab.base;
in
{
  config = lib.mkIf cfg.enable {
    networking.firewall.enable = lib.mkDefault true;

    # nftables, on Kubernetes machines as well. NixOS then owns one table and swaps it in a single step, checked when the
    # system was built; the iptables firewall is built anew rule by rule at every change, and lets nothing in meanwhile.
    # kube-proxy, flannel and libvirt have tables of their own (their iptables is the one that speaks nftables) and keep
    # them through a switch. What changes for them: a packet must please every table, so no rule of theirs can open a
    # port that ours keeps closed, and pod interfaces have to be in networking.firewall.trustedInterfaces.
    networking.nftables.enable = lib.mkDefault true;
  };
}
