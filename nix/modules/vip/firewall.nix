# The peers' messages are let in. keepalived's own openFirewall speaks iptables only and ends an evaluation with nftables.
{ config, lib, ... }:
let
  cfg = config.homelab.vip;
  nftables = config.networking.nftables.enable;
  isIPv6 = lib.hasInfix ":" cfg.address;

  protocol = "112"; # VRRP by number: the names of protocols are in a file that the check at build may not see
  peers = lib.concatStringsSep ", " cfg.peers;
  family = if isIPv6 then "ip6" else "ip";

  program = if isIPv6 then "ip6tables" else "iptables";

  rule =
    verb: peer:
    "${program} -w ${verb} nixos-fw -i ${cfg.interface} -s ${peer} -p ${protocol} -j nixos-fw-accept";
in
{
  config = lib.mkIf (cfg.enable && cfg.peers != [ ]) {
    networking.firewall = {
      extraInputRules = lib.mkIf nftables ''
        iifname "${cfg.interface}" ${family} saddr { ${peers} } meta l4proto ${protocol} accept comment "homelab.vip"
      '';
      extraCommands = lib.mkIf (!nftables) (lib.concatMapStringsSep "\n" (rule "-A") cfg.peers);
      extraStopCommands = lib.mkIf (!nftables) (
        # Gone already when the firewall was never started.
        lib.concatMapStringsSep "\n" (peer: "${rule "-D" peer} 2>/dev/null || true") cfg.peers
      );
    };
  };
}
