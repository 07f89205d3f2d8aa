# Replication to other hosts by syncoid, as a user that may send and nothing else.
{ config, lib, ... }:
let
  cfg = config.homelab.zfs;
  host = config.networking.hostName;
  keyName = "syncoid-${host}-ssh-key";
  alias = replica: "syncoid-${replica.host}";

  sendsOf =
    name: pool:
    lib.mapAttrsToList (dataset: value: {
      source = "${name}/${dataset}";
      inherit (value) replicate;
      inherit (pool) encrypted;
    }) (lib.filterAttrs (_: value: value.replicate != null) pool.datasets);
  sends = lib.concatLists (lib.mapAttrsToList sendsOf cfg.pools);
  job = send: lib.replaceStrings [ "/" ] [ "-" ] send.source;
  replicas = map (send: send.replicate) sends;

  commandOf =
    send:
    lib.nameValuePair (job send) {
      inherit (send) source;
      target = "syncoid-receiver@${alias send.replicate}:${send.replicate.dataset}";
      recursive = true;
      sendOptions = lib.mkIf send.encrypted "w"; # raw: the other host never sees the key
      recvOptions = "u"; # only root may mount, and nobody reads a backup until it is needed
      extraArgs = [
        # Sanoid's snapshots are the ones both sides have in common. Syncoid's own would need the right to destroy.
        "--no-sync-snap"
        # A copy that was changed is reported, not silently reset.
        "--no-rollback"
      ];
      localSourceAllow = [
        "hold"
        "send"
      ];
      service = {
        startAt = [ send.replicate.interval ]; # a list, as the common interval is: the two are put together
        wants = [ "network-online.target" ];
        after = [
          "network-online.target"
          "sanoid.service" # both start on the hour; the new snapshot goes along
        ];
      };
    };

  # By an alias of its own: replication takes its network, and the host key is the same on every one.
  sshHost = replica: ''
    Host ${alias replica}
      HostName ${replica.address}
      HostKeyAlias ${replica.host}
      StrictHostKeyChecking ${if replica.hostKey == null then "accept-new" else "yes"}
  '';
in
{
  config = lib.mkIf (cfg.enable && sends != [ ]) {
    services.syncoid = {
      enable = true;
      interval = [ ]; # each command has its own
      sshKey = config.sops.secrets.${keyName}.path;
      commands = lib.listToAttrs (map commandOf sends);
    };

    # A host that was off at the hour catches up when it is back.
    systemd.timers = lib.listToAttrs (
      map (send: lib.nameValuePair "syncoid-${job send}" { timerConfig.Persistent = true; }) sends
    );

    homelab.secrets.needed.${keyName} = {
      usedFor = "sending ${
        lib.concatMapStringsSep ", " (send: send.source) sends
      } to ${lib.concatStringsSep ", " (lib.unique (lib.catAttrs "host" replicas))}";
      owner = "syncoid";
    };

    programs.ssh = {
      # Behind everything else, because what follows a Host line belongs to that host.
      extraConfig = lib.mkAfter (lib.concatStrings (lib.unique (map sshHost replicas)));
      knownHosts = lib.listToAttrs (
        map (
          replica:
          lib.nameValuePair "syncoid-${replica.host}" {
            hostNames = [ replica.host ];
            publicKey = replica.hostKey;
          }
        ) (lib.filter (replica: replica.hostKey != null) replicas)
      );
    };
  };
}
