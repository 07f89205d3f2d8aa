# The kernel's side of DRBD, and the programs that steer it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.drbd;
  nine = cfg.version == "9";
in
{
  config = lib.mkIf cfg.enable {
    boot = {
      # DRBD 9 does not build on every kernel: releases of it were broken on 6.17 and on 6.18, and all of them build on 6.12.
      kernelPackages = lib.mkIf nine (lib.mkDefault pkgs.linuxPackages_6_12);
      # Wins over the module of the same name in the kernel tree, which is 8.4.
      extraModulePackages = lib.mkIf nine [ config.boot.kernelPackages.drbd ];
      kernelModules = [ "drbd" ] ++ lib.optional nine "drbd_transport_tcp";

      # The kernel calls it before and after a resync, at a path NixOS does not have; a resync it cannot announce is dropped.
      extraModprobeConfig = ''
        options drbd usermode_helper=/run/current-system/sw/bin/drbdadm
      '';
    };

    environment.systemPackages = [ pkgs.drbd ];
    services.udev.packages = [ pkgs.drbd ]; # /dev/drbd/by-res

    # The last size of each backing device; without it the metadata at the end of a device that grew is not found again.
    systemd.tmpfiles.rules = [ "d /var/lib/drbd 0755 root root -" ];

    networking.firewall.interfaces = lib.mkMerge (
      lib.mapAttrsToList (_: resource: {
        ${resource.interface}.allowedTCPPorts = [ resource.port ];
      }) cfg.resources
    );

    assertions = lib.optional nine {
      assertion = !(config.boot.kernelPackages.drbd.meta.broken or false);
      message = "homelab.drbd on ${config.networking.hostName}: DRBD 9 does not build on Linux ${config.boot.kernelPackages.kernel.version}; choose another series in homelab.base.kernel, for instance \"6.12\", or set homelab.drbd.version to \"8.4\"";
    };
  };
}
