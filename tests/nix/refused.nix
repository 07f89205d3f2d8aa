# What NixOS itself would refuse of a whole machine, of the checks in its modules that a lab can run into.
{ config, lib }:
let
  inherit (config) boot networking users;
  grub = boot.loader.grub;
  loaders = lib.count (on: on) [
    grub.enable
    boot.loader.systemd-boot.enable
  ];
  canLogIn =
    user:
    (user.hashedPassword != null && user.hashedPassword != "!")
    || user.hashedPasswordFile != null
    || user.openssh.authorizedKeys.keys != [ ]
    || user.openssh.authorizedKeys.keyFiles != [ ];
  isAdmin = name: user: name == "root" || lib.elem "wheel" user.extraGroups;
  enabled = lib.filterAttrs (_: service: service.enable) config.systemd.services;

  when = lib.optional;
  whole =
    when (!config.fileSystems ? "/") "no file system is mounted at /"
    ++ when (loaders != 1) "a machine needs one boot loader, this one has ${toString loaders}"
    ++ when (
      grub.enable && grub.devices == [ ] && grub.device == "" && grub.mirroredBoots == [ ]
    ) "grub is told of no disk"
    ++ when (boot.zfs.enabled && networking.hostId == null) "ZFS needs networking.hostId"
    ++ when (
      boot.zfs.forceImportAll && !boot.zfs.forceImportRoot
    ) "forceImportAll goes with forceImportRoot"
    ++ when (
      networking.nftables.enable && networking.firewall.extraCommands != ""
    ) "extraCommands are iptables' and nftables is on"
    ++ when (
      config.virtualisation.libvirtd.enable && !config.security.polkit.enable
    ) "libvirtd needs polkit"
    ++ when (
      !users.mutableUsers
      && !users.allowNoPasswordLogin
      && !lib.any canLogIn (lib.attrValues (lib.filterAttrs isAdmin users.users))
    ) "nobody could log in to repair this machine";

  ofUser =
    name: user:
    when (
      name != "root"
      &&
        lib.count (on: on) [
          user.isNormalUser
          user.isSystemUser
        ] != 1
    ) "users.users.${name} is either isNormalUser or isSystemUser"
    ++ when (user.group == "" && !user.isNormalUser) "users.users.${name} has no group";

  ofService =
    name: service:
    let
      settings = service.serviceConfig;
    in
    when (
      settings.Type or "" == "oneshot"
      && lib.elem (settings.Restart or "no") [
        "always"
        "on-success"
      ]
    ) "systemd.services.${name}: a oneshot cannot have Restart=${settings.Restart}"
    ++ when (
      settings ? ExecStart && service.script != ""
    ) "systemd.services.${name} has both script and ExecStart";

  ofEach = check: named: lib.concatLists (lib.mapAttrsToList check named);
in
whole ++ ofEach ofUser users.users ++ ofEach ofService enabled
