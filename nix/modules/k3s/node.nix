# What Kubernetes of either make needs of the machine it runs on.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.homelab.kubernetesNode;
  ports = lib.concatMapStringsSep ", " toString cfg.peerPorts;
  family = address: if lib.hasInfix ":" address then "ip6" else "ip";
  seconds =
    default: description:
    mkOption {
      inherit default description;
      type = types.ints.positive;
      example = 2 * default;
      internal = true;
    };
  portList =
    description:
    mkOption {
      inherit description;
      type = types.listOf types.port;
      default = [ ];
      example = [ 6443 ];
      internal = true;
    };
in
{
  options.homelab.kubernetesNode = {
    enable = mkOption {
      type = types.bool;
      default = false;
      internal = true;
      description = "Whether this machine is a Kubernetes node; set by homelab.k3s and homelab.kubeadm.";
    };
    interface = mkOption {
      type = types.str;
      example = "ens3";
      internal = true;
      description = "Interface where the cluster's ports are opened.";
    };
    tcp = portList "TCP ports open on the interface.";
    udp = portList "UDP ports open on the interface.";
    peers = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "192.168.10.22" ];
      internal = true;
      description = "Addresses that may reach peerPorts; nobody else does.";
    };
    peerPorts = portList "TCP ports open to the peers only.";
    shutdownSeconds = seconds 60 "How long pods have to end when the machine is shut down.";
    criticalShutdownSeconds = seconds 20 "The last part of that time, kept for the pods the node itself needs.";
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        # A reload of the firewall would wipe the tables of kube-proxy, flannel and the pods' port maps with it; they come
        # back piece by piece within minutes, or with a reboot.
        assertion = !(config.networking.nftables.enable && config.networking.nftables.flushRuleset);
        message = "networking.nftables.flushRuleset on ${config.networking.hostName}: a reload would delete the rules of Kubernetes; set it to false, NixOS replaces its own tables without it";
      }
    ];

    networking.firewall = lib.mkMerge [
      {
        interfaces.${cfg.interface} = {
          allowedTCPPorts = cfg.tcp;
          allowedUDPPorts = cfg.udp;
        };

        # Pods talk to their own node (API server, kubelet, node-local services) from here. Those of other nodes come to
        # the node's own address and are masqueraded on the way. So nothing begins on flannel.1, and it is not trusted:
        # anybody on the cluster's network can send VXLAN packets. Ports of NodePort and LoadBalancer services need no
        # opening: their packets are rewritten to a pod's address before the input chain and are forwarded, which NixOS
        # does not filter.
        trustedInterfaces = [ "cni0" ];

        # An answer may leave by another interface than the question came in by: from a pod by way of its service, or over
        # a VIP. Strict checking drops these without a word.
        checkReversePath = lib.mkDefault "loose";
      }
      (lib.mkIf (cfg.peers != [ ] && cfg.peerPorts != [ ]) (
        # Whoever reaches etcd with a certificate is the cluster's owner, and peers need it at once when a leader is
        # elected: by address, not by interface. The two kinds of firewall take only rules of their own kind.
        if config.networking.nftables.enable then
          {
            extraInputRules = lib.concatMapStringsSep "\n" (
              peer: "${family peer} saddr ${peer} tcp dport { ${ports} } accept"
            ) cfg.peers;
          }
        else
          {
            extraCommands = lib.concatMapStringsSep "\n" (
              peer:
              "${family peer}tables -A nixos-fw -p tcp -s ${peer} -m multiport --dports ${
                lib.replaceStrings [ " " ] [ "" ] ports
              } -j nixos-fw-accept"
            ) cfg.peers;
          }
      ))
    ];

    # Loaded before the sysctls are set: the bridge's two exist only once br_netfilter is there.
    boot.kernelModules = [
      "br_netfilter"
      "overlay"
    ];
    boot.kernel.sysctl = {
      "net.ipv4.ip_forward" = 1;
      # Without these a service's address does not work between two pods of one node: the bridge passes the packets on
      # without showing them to the rules that rewrite them.
      "net.bridge.bridge-nf-call-iptables" = 1;
      "net.bridge.bridge-nf-call-ip6tables" = 1;
    };

    # A clock that is set after the start makes fresh certificates and tokens "not valid yet", and the first pods of a
    # cluster fail. time-sync.target waits for a clock only where this unit does. Not for ever: after a power cut the
    # time servers may be unreachable for as long as this cluster is down.
    systemd.additionalUpstreamSystemUnits = [ "systemd-time-wait-sync.service" ];
    systemd.services.systemd-time-wait-sync = {
      wantedBy = [ "time-sync.target" ];
      serviceConfig.TimeoutStartSec = lib.mkDefault "90s";
    };

    # The kubelet holds up a shutdown by a logind lock; logind's default would break it after five seconds, and the
    # kubelet's own drop-in for that comes too late for the first shutdown.
    services.logind.settings.Login.InhibitDelayMaxSec = lib.mkDefault "${
      toString (cfg.shutdownSeconds + 10)
    }s";
  };
}
