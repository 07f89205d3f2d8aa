# The receiving end of replication: a user that may add to the copies and destroy none of them.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.zfs;
  host = config.networking.hostName;
  user = "syncoid-receiver";
  # The system's own pool is there since stage 1 and has no such units.
  pools = lib.filter (pool: cfg.pools ? ${pool}) (
    lib.unique (map (copy: lib.head (lib.splitString "/" copy.dataset)) cfg.receives)
  );
  imports = map (pool: "zfs-import-${pool}.service") pools;
  datasetUnits = map (pool: "homelab-zfs-datasets-${pool}.service") pools;
  parents = lib.unique (map (copy: dirOf copy.dataset) cfg.receives);

  keyFile = copy: config.homelab.secrets.directory + "/syncoid-${copy.from}.pub";
  hasKeyFile = copy: config.homelab.secrets.directory != null && builtins.pathExists (keyFile copy);
  keyOf =
    copy:
    if copy.publicKey != null then
      [ copy.publicKey ]
    else
      lib.optional (hasKeyFile copy) (lib.fileContents (keyFile copy));

  permissions = lib.concatStringsSep "," [
    "change-key" # a raw stream brings its own key
    "create"
    "mount" # asked for by create and receive; only root really mounts
    "receive"
    # No destroy and no rollback: whoever takes over the sender cannot take the older copies away. No mountpoint either,
    # which root would mount at the next boot.
  ];

  prepare = pkgs.writeShellApplication {
    name = "homelab-zfs-receive";
    runtimeInputs = [ config.boot.zfs.package ];
    text = ''
      # The parents of the copies, which only root can make. Copies inherit that they are not mounted, not written to and,
      # where they are volumes, no device: nothing here scans the partitions of another host's guests.
      parents=(${lib.escapeShellArgs parents})
      for parent in "''${parents[@]}"; do
        if ! zfs list -H -o name "$parent" >/dev/null 2>&1; then
          zfs create -u -p -o mountpoint=none -o readonly=on -o volmode=none "$parent"
        fi
        zfs allow -u ${user} ${permissions} "$parent"
      done
    '';
  };
in
{
  config = lib.mkIf (cfg.enable && cfg.receives != [ ]) {
    assertions = map (copy: {
      assertion = keyOf copy != [ ];
      message = "homelab.zfs.receives on ${host}: there is no public key of ${copy.from}, who sends ${copy.dataset}; make syncoid-${copy.from}.pub in homelab.secrets.directory with `pyhomelab secret generate syncoid-${copy.from}-ssh-key` and `git add` it, or set publicKey";
    }) cfg.receives;

    users.groups.${user} = { };
    users.users.${user} = {
      isSystemUser = true;
      group = user;
      useDefaultShell = true; # syncoid's other end is a pipeline of shell commands
      # What syncoid looks for at the far end: without them it sends uncompressed and unbuffered.
      packages = [
        pkgs.lzop
        pkgs.mbuffer
        pkgs.pv
      ];
      # No terminal, no forwarding: the key is for streams.
      openssh.authorizedKeys.keys = lib.unique (
        map (key: "restrict ${key}") (lib.concatMap keyOf cfg.receives)
      );
    };

    systemd.services.homelab-zfs-receive = {
      description = "Parents and permissions of replicated ZFS datasets";
      wantedBy = [ "multi-user.target" ];
      requires = imports;
      after = imports ++ datasetUnits;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = lib.getExe prepare;
      };
    };
  };
}
