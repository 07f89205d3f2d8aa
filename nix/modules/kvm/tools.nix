# The programs the guests' units run; each is one shell file with what it needs on its PATH.
{
  config,
  lib,
  pkgs,
}:
let
  libvirt = config.virtualisation.libvirtd.package;
  disks = lib.concatMap (guest: guest.disks) (lib.attrValues config.homelab.kvm.guests);
  hasReplicated = lib.any (disk: disk.kind == "drbd") disks;
  program =
    name: file: runtimeInputs:
    pkgs.writeShellApplication {
      inherit name;
      runtimeInputs = [
        libvirt
        pkgs.coreutils
        pkgs.gnugrep
      ]
      ++ runtimeInputs;
      text = builtins.readFile file;
    };
in
rec {
  disk = program "homelab-guest-disk" ./scripts/disk.sh (
    [
      config.virtualisation.libvirtd.qemu.package
      config.systemd.package
      pkgs.jq
    ]
    ++ lib.optional config.boot.zfs.enabled config.boot.zfs.package
  );
  guest = program "homelab-guest" ./scripts/guest.sh (
    [ config.systemd.package ] ++ lib.optional hasReplicated pkgs.drbd
  );
  forget = program "homelab-guests-forget" ./scripts/forget.sh [ guest ];
}
