# The libvirt daemon and who may use it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.kvm;
  admins = lib.optionals (config.homelab.base.enable or false) (
    lib.attrNames config.homelab.base.admins
  );
in
{
  config = lib.mkIf cfg.enable {
    virtualisation.libvirtd = {
      enable = true;
      allowedBridges = cfg.bridges; # for qemu:///session; the system's guests may use any bridge
      qemu = {
        package = lib.mkDefault pkgs.qemu_kvm; # pkgs.qemu emulates twenty other architectures for 1 GB of disk
        # Who breaks out of a guest is then a user who owns nothing. libvirt hands it the guest's disks while it runs.
        runAsRoot = lib.mkDefault false;
      };

      # Our guests are started and stopped by their units. libvirt-guests cares for those made by hand: it comes before
      # the units at boot, when there is no storage yet, so it starts none; and it shuts them down when the host goes.
      # "suspend" would write all their memory to the disk and wake them with an old clock and lost connections.
      onBoot = lib.mkDefault "ignore";
      onShutdown = lib.mkDefault "shutdown";
      parallelShutdown = lib.mkDefault 10; # one after the other, each could use up the whole time
      shutdownTimeout = lib.mkDefault cfg.shutdownTimeout;
    };

    # The daemon asks polkit who may connect; without it none but root could.
    security.polkit.enable = true;
    users.users = lib.genAttrs admins (_: {
      extraGroups = [ "libvirtd" ];
    });
    # As a user, virsh otherwise looks at qemu:///session, which has no guests.
    environment.sessionVariables.LIBVIRT_DEFAULT_URI = lib.mkDefault "qemu:///system";
  };
}
