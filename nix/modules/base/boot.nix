# What is started, and that a machine without a screen never waits for somebody at the keyboard.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.homelab.base;
  kernelAttribute = "linuxPackages_${lib.replaceStrings [ "." ] [ "_" ] cfg.kernel}";
  kernelExists = cfg.kernel == null || pkgs ? ${kernelAttribute};
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = kernelExists;
        message = "homelab.base.kernel on ${config.networking.hostName}: this nixpkgs has no ${kernelAttribute}; name a series it has, or leave homelab.base.kernel out to run its default";
      }
    ];

    boot = {
      # At normal priority: the inventory's word counts more than the default a module asks for.
      kernelPackages = lib.mkIf (cfg.kernel != null && kernelExists) pkgs.${kernelAttribute};

      loader = {
        # Each entry keeps a kernel and an initrd on /boot. When it is full no new system can be installed, and that is
        # found out in the middle of a deploy.
        systemd-boot.configurationLimit = lib.mkDefault cfg.generations;
        grub.configurationLimit = lib.mkDefault cfg.generations;
      };

      # A panic is not answered by a person: start again. As a parameter it holds in the initrd already.
      kernelParams = [ "panic=10" ];
    };

    # A file system that is missing must not end in a prompt that wants a root password nobody has: without emergency mode
    # the rest of the machine comes up, ssh included, and can be repaired from afar.
    systemd.enableEmergencyMode = lib.mkDefault false;
  };
}
