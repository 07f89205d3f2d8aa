# Each guest as a unit, and one unit that forgets the guests which left.
#
# A switch never stops a guest that stays: its unit is reloaded, which defines it anew and grows its disks, while the
# machine runs on. Only stopping the unit shuts the guest down: by hand, because the guest left the inventory, or
# because the host shuts down. Nothing else may pull the unit down, so it only *wants* what it comes after: with
# `requires`, a restart of libvirtd, which guests survive, would end them all. (The file system under an image is
# required: whoever unmounts it has to do without the guest.)
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.kvm;
  host = config.networking.hostName;
  environment.LIBVIRT_DEFAULT_URI = "qemu:///system";

  tools = import ./tools.nix { inherit config lib pkgs; };

  xmlOf =
    name: guest:
    import ./domain.nix { inherit lib; } {
      inherit name host guest;
      pageSize = if cfg.hugepages == null then null else cfg.hugepages.size;
    };

  # Makes the disks ready and defines the guest.
  prepare =
    name: guest:
    pkgs.writeShellApplication {
      name = "homelab-guest-${name}-prepare";
      runtimeInputs = [
        tools.disk
        tools.guest
      ];
      excludeShellChecks = [ "SC2016" ]; # the path of a disk may hold a $ and stay as it is
      text = import ./prepare.nix { inherit lib; } {
        inherit name;
        inherit (guest) disks;
        xml = config.environment.etc."homelab/guests/${name}.xml".source;
      };
    };

  ofKind = kind: guest: lib.filter (disk: disk.kind == kind) guest.disks;
  files = guest: map (disk: dirOf disk.source) (ofKind "file" guest);
  pools = guest: map (disk: lib.head (lib.splitString "/" disk.dataset)) (ofKind "zvol" guest);
  resources = guest: map (disk: disk.resource) (ofKind "drbd" guest);
  # Units that make the guest's disks and bridges; one that does not exist is passed over by systemd.
  storage =
    guest:
    lib.concatMap (pool: [
      "zfs-import-${pool}.service"
      "homelab-zfs-datasets-${pool}.service" # makes the volumes' parents as they were declared
    ]) (pools guest)
    ++ lib.optional (files guest != [ ]) "zfs-mount.service" # images on data sets without an entry in fstab
    ++ map (resource: "homelab-drbd-${resource}.service") (resources guest);
  bridges =
    guest:
    map (
      card: "sys-subsystem-net-devices-${lib.strings.escapeC [ "-" ] card.bridge}.device"
    ) guest.interfaces;

  # As systemd reads a path: quoted, and no specifiers.
  quoted = path: ''"${lib.replaceStrings [ "\\" "\"" "%" ] [ "\\\\" "\\\"" "%%" ] path}"'';

  unitOf = name: guest: rec {
    description = "Guest ${name}";
    wantedBy = [ "multi-user.target" ];
    wants = lib.unique ([ "libvirtd.service" ] ++ storage guest ++ bridges guest);
    # What comes before it now is there until it has stopped. Without virt-guest-shutdown.target systemd would end the
    # guest's QEMU process while the guest is still shutting down.
    after = wants ++ [
      "libvirtd.socket"
      "libvirt-guests.service"
      "virt-guest-shutdown.target"
      "homelab-guests-forget.service"
    ];
    unitConfig = lib.optionalAttrs (files guest != [ ]) {
      # An image is not made under a mount point whose file system is missing.
      RequiresMountsFor = map quoted (lib.unique (files guest));
    };
    inherit environment;
    reloadIfChanged = true;
    # A DRBD volume may have no quorum until another host is back, however long that takes.
    startLimitIntervalSec = 0;
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = [
        "${prepare name guest}/bin/homelab-guest-${name}-prepare"
      ]
      ++ lib.optional guest.autostart (
        lib.concatStringsSep " " (
          [
            "${tools.guest}/bin/homelab-guest"
            "start"
            name
          ]
          ++ resources guest
        )
      );
      ExecReload = "${prepare name guest}/bin/homelab-guest-${name}-prepare";
      # Not left to libvirt-guests, which knows nothing of the order of the storage under each guest.
      ExecStop = "${tools.guest}/bin/homelab-guest stop ${name} ${toString cfg.shutdownTimeout}";
      Restart = "on-failure";
      RestartSec = "30s";
      TimeoutStartSec = "5min";
      TimeoutStopSec = "${toString (cfg.shutdownTimeout + 60)}s"; # the plug has been pulled long before
    };
  };
in
{
  config = lib.mkIf cfg.enable {
    environment.etc = lib.mapAttrs' (
      name: guest: lib.nameValuePair "homelab/guests/${name}.xml" { text = xmlOf name guest; }
    ) cfg.guests;

    systemd.services =
      lib.mapAttrs' (
        name: guest: lib.nameValuePair "homelab-guest-${name}" (unitOf name guest)
      ) cfg.guests
      // {
        # Runs anew when the list of guests changes; before those that stay and come, so that a guest renamed is gone
        # before its disks are started under the new name.
        homelab-guests-forget = {
          description = "Forget guests that left the inventory";
          wantedBy = [ "multi-user.target" ];
          wants = [ "libvirtd.service" ];
          after = [
            "libvirtd.service"
            "libvirtd.socket"
          ];
          inherit environment;
          serviceConfig = {
            Type = "oneshot";
            RemainAfterExit = true;
            ExecStart = "${tools.forget}/bin/homelab-guests-forget ${
              lib.concatStringsSep " " (
                [
                  host
                  (toString cfg.shutdownTimeout)
                ]
                ++ lib.attrNames cfg.guests
              )
            }";
          };
        };
      };
  };
}
