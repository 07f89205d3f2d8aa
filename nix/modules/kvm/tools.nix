# The programs the guests' units run; each is one shell file with what it needs on its PATH.
{ config, pkgs }:
let
  libvirt = config.virtualisation.libvirtd.package;
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
    ++ (if config.boot.zfs.enabled then [ config.boot.zfs.package ] else [ ])
  );
  guest = program "homelab-guest" ./scripts/guest.sh [ config.systemd.package ];
  forget = program "homelab-guests-forget" ./scripts/forget.sh [ guest ];
}
