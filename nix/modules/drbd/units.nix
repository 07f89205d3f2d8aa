# homelab-drbd-<resource> brings a resource up; homelab-drbd-<resource>-first-sync declares a new volume's copies equal.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.drbd;
  hostName = config.networking.hostName;
  facts = import ./facts.nix { inherit lib hostName; };
  unit = name: "homelab-drbd-${name}";
  stateDirectory = "homelab-drbd";
  hasZvols = lib.any (resource: resource.backing != null) (lib.attrValues cfg.resources);

  application =
    name: file: runtimeInputs:
    lib.getExe (
      pkgs.writeShellApplication {
        inherit name;
        runtimeInputs = [
          pkgs.coreutils
          pkgs.drbd
        ]
        ++ runtimeInputs;
        text = lib.readFile file;
      }
    );
  kernelReady = application "homelab-drbd-kernel-ready" ./kernel-ready.sh [ pkgs.kmod ];
  bringUp = application "homelab-drbd-bring-up" ./bring-up.sh (
    [
      pkgs.diffutils
      pkgs.kmod
      pkgs.util-linux
    ]
    ++ lib.optional hasZvols config.boot.zfs.package
  );
  firstSync = application "homelab-drbd-first-sync" ./first-sync.sh [ ];

  bringUpUnit = name: resource: {
    description = "DRBD volume ${name}";
    wantedBy = [ "multi-user.target" ];
    wants = [
      "network-online.target"
    ]
    ++ facts.poolUnits resource
    # From here and not from a target: it is started again when this unit needed a second try.
    ++ lib.optional (facts.isFirst resource) "${unit name}-first-sync.service";
    # drbdadm refuses a resource whose address is not on this host yet.
    after = [ "network-online.target" ] ++ facts.poolUnits resource;
    # Never stopped by a deploy: guests have the volume open. A reload takes over what has changed.
    reloadIfChanged = true;
    path = [ pkgs.drbd ]; # drbdadm calls drbdsetup and drbdmeta
    environment = {
      RESOURCE = name;
      MINOR = toString resource.minor;
      VERSION = cfg.version;
      DISK = toString (facts.diskOf resource);
      DATASET = lib.optionalString (resource.backing != null) resource.backing.dataset;
      SIZE = lib.optionalString (resource.backing != null) resource.backing.size;
    };
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      # The module of a new DRBD version comes with the next boot; until then the unit is skipped, not failed.
      ExecCondition = "${kernelReady} /sys/module/drbd/version";
      ExecStart = bringUp;
      ExecReload = bringUp;
      ExecStop = "${pkgs.drbd}/bin/drbdadm down ${name}";
      StateDirectory = stateDirectory;
      TimeoutStartSec = "5min";
      # An address or a zvol that is late; a refusal (3) stays one.
      Restart = "on-failure";
      RestartSec = "15s";
      RestartPreventExitStatus = 3;
    };
  };

  firstSyncUnit = name: resource: {
    description = "First synchronisation of the DRBD volume ${name}";
    after = [ "${unit name}.service" ];
    partOf = [ "${unit name}.service" ];
    unitConfig.ConditionPathExists = "/var/lib/${stateDirectory}/${name}.new";
    environment = {
      RESOURCE = name;
      REPLICAS = toString (lib.length (facts.replicas resource));
      # A new zvol reads as zeros everywhere, so copies of it are equal before a byte is sent.
      EQUAL_WHEN_NEW = lib.boolToString (resource.backing != null);
    };
    serviceConfig = {
      Type = "exec"; # peers may be installed days later, and the boot does not wait for them
      ExecStart = firstSync;
      StateDirectory = stateDirectory;
      Restart = "on-failure";
      RestartSec = "30s";
    };
  };
in
{
  config = lib.mkIf cfg.enable {
    systemd.services =
      lib.mapAttrs' (
        name: resource: lib.nameValuePair (unit name) (bringUpUnit name resource)
      ) cfg.resources
      // lib.mapAttrs' (
        name: resource: lib.nameValuePair "${unit name}-first-sync" (firstSyncUnit name resource)
      ) (lib.filterAttrs (_: facts.isFirst) cfg.resources);
  };
}
