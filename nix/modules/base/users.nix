# The admins: they log in by key, and what they type as root needs no password.
{ config, lib, ... }:
let
  cfg = config.homelab.base;
  host = config.networking.hostName;
  keys = lib.concatMap (admin: admin.sshKeys) (lib.attrValues cfg.admins);
  withoutKeys = lib.attrNames (lib.filterAttrs (_: admin: admin.sshKeys == [ ]) cfg.admins);
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.admins != { };
        message = "homelab.base on ${host}: admins is empty, so nobody could log in; name a person with their ssh key, as in homelab.base.admins.mika.sshKeys = [ \"ssh-ed25519 AAAA... mika\" ]";
      }
      {
        assertion = !(cfg.admins ? root);
        message = "homelab.base on ${host}: root cannot be an admin; give the keys to a person in homelab.base.admins, root takes them from there";
      }
    ]
    ++ map (name: {
      assertion = false;
      message = "homelab.base on ${host}: admin ${name} has no ssh key and could not log in; add one to homelab.base.admins.${name}.sshKeys or remove ${name}";
    }) withoutKeys;

    # The inventory says who may log in. With mutable users a password set by hand would outlive its owner's leaving.
    users.mutableUsers = false;

    users.users = lib.mkMerge [
      (lib.mapAttrs (_: admin: {
        isNormalUser = true;
        extraGroups = [ "wheel" ];
        openssh.authorizedKeys.keys = admin.sshKeys;
      }) (removeAttrs cfg.admins [ "root" ]))
      # A deploy copies closures and switches the system as root. The admins can be root by sudo anyway, so the same
      # keys open no new door, and no deploy hangs on a sudo prompt.
      { root.openssh.authorizedKeys.keys = keys; }
    ];

    security.sudo = {
      # There are no passwords to ask for: the ssh key is the proof.
      wheelNeedsPassword = false;
      # Others cannot even start sudo, so a flaw in it is out of a broken-into service's reach.
      execWheelOnly = lib.mkDefault true;
    };
  };
}
