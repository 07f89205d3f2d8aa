# One address that several servers share: keepalived gives it to a server whose API answers.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.vip;
  where = "homelab.vip on ${config.networking.hostName}";

  isIPv6 = lib.hasInfix ":";
  ownPrefix = if isIPv6 cfg.address then 128 else 32;
  prefix = if cfg.prefixLength == null then ownPrefix else cfg.prefixLength;
  user = "keepalived_script";

  inherit (config.homelab) network;
  onInterface = network.interfaces.${cfg.interface} or { };
  hasSource =
    onInterface.dhcp or false
    || lib.any (lib.hasPrefix "${cfg.source}/") (onInterface.addresses or [ ]);

  # Alive is whoever answers in HTTP over TLS: k3s says 401 to strangers, kubeadm 200, a server that is still
  # starting 500 or 503, and one that hangs nothing in time.
  check = pkgs.writeShellScript "homelab-vip-check" ''
    code=$(${lib.getExe pkgs.curl} --silent --insecure --noproxy '*' --max-time 3 \
      --output /dev/null --write-out '%{http_code}' https://localhost:${toString cfg.checkPort}/healthz)
    case "$code" in
      200 | 401 | 403) exit 0 ;;
      *) exit 1 ;;
    esac
  '';
in
{
  imports = [
    ./network
    ./vip/firewall.nix
    ./vip/options.nix
  ];

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.address != cfg.source;
        message = "${where}: address ${cfg.address} is this machine's own; take one that no machine has";
      }
      {
        assertion = !(lib.elem cfg.source cfg.peers);
        message = "${where}: peers holds this machine's own address ${cfg.source}; list the other machines only";
      }
      {
        assertion = !(lib.elem cfg.address cfg.peers);
        message = "${where}: address ${cfg.address} is also in peers; take an address that no machine has";
      }
      {
        assertion = lib.all (other: isIPv6 other == isIPv6 cfg.address) ([ cfg.source ] ++ cfg.peers);
        message = "${where}: address, source and peers mix IPv4 and IPv6; keepalived speaks one of them for one shared address";
      }
      {
        assertion = prefix <= ownPrefix;
        message = "${where}: prefixLength ${toString prefix} is too long for ${cfg.address}; it is at most ${toString ownPrefix}";
      }
      {
        assertion = network.enable -> hasSource;
        message = "${where}: interface ${cfg.interface} does not have the address ${cfg.source} (source); name the one of homelab.network.interfaces that has it";
      }
    ];

    services.keepalived = {
      enable = true;

      # keepalived says so in the log at every start otherwise: checks of others that run as root must not be writable.
      enableScriptSecurity = true;

      vrrpScripts.homelab-vip = {
        script = "${check}";
        interval = 2;
        timeout = 4;
        # Two failures in a row: a busy API server that misses one answer keeps the address.
        fall = 2;
        rise = 2;
        inherit user;
        # Until the API has answered a machine counts as dead, or it would take the address at boot and answer nobody.
        extraConfig = "init_fail";
      };

      vrrpInstances.homelab-vip = {
        inherit (cfg) interface priority;
        # BACKUP everywhere with noPreempt: the address moves when its holder fails and not again when it comes back.
        # Each move cuts every connection to the API.
        state = "BACKUP";
        noPreempt = true;
        virtualRouterId = cfg.routerId;
        # To known machines, one by one: multicast is what cheap switches and bridges with snooping lose, and then every
        # server thinks it is alone and takes the address.
        unicastSrcIp = lib.mkIf (cfg.peers != [ ]) cfg.source; # alone, there is nobody to send to
        unicastPeers = cfg.peers;
        virtualIps = [ { addr = "${cfg.address}/${toString prefix}"; } ];
        trackScripts = [ "homelab-vip" ];
        # No password: VRRP sends it in clear, and version 3 has none. The firewall lets peers in and nobody else, and
        # keepalived listens to nobody else.
        extraConfig = lib.mkIf (cfg.peers != [ ]) "check_unicast_src";
      };
    };

    # A check that asks a question over the network needs no rights; keepalived takes root when it is told nobody else.
    users.users.${user} = {
      isSystemUser = true;
      group = user;
    };
    users.groups.${user} = { };

    # The shared address is none of networkd's: without this a restart of networkd takes it off the interface.
    homelab.network.keepAddressesOn = [ cfg.interface ];
  };
}
