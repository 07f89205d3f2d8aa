# /etc/drbd.conf and a file for each resource.
{ config, lib, ... }:
let
  cfg = config.homelab.drbd;
  toText = import ./resource.nix { inherit lib; };
  secret = name: "drbd-${name}";
  template = name: "drbd-${name}.res";

  textOf =
    name: resource:
    toText {
      inherit name resource;
      inherit (cfg) version;
      secret = if resource.sharedSecret then config.sops.placeholder.${secret name} else null;
    };
  withSecret = lib.filterAttrs (_: resource: resource.sharedSecret) cfg.resources;
  plain = lib.filterAttrs (_: resource: !resource.sharedSecret) cfg.resources;

  include =
    name: resource:
    "include \"${
      if resource.sharedSecret then
        config.sops.templates.${template name}.path
      else
        "/etc/drbd.d/${name}.res"
    }\";\n";
in
{
  config = lib.mkIf cfg.enable {
    environment.etc = {
      "drbd.conf".text = ''
        global {
            usage-count no;
        }

      ''
      # Each by its full path: this file is a link into the store, beside which there is nothing.
      + lib.concatStrings (lib.mapAttrsToList include cfg.resources);
    }
    // lib.mapAttrs' (
      name: resource: lib.nameValuePair "drbd.d/${name}.res" { text = textOf name resource; }
    ) plain;

    # The store is world-readable: a resource with a secret in it is put together at activation, outside of it.
    sops.templates = lib.mapAttrs' (
      name: resource:
      lib.nameValuePair (template name) {
        content = textOf name resource;
        reloadUnits = [ "homelab-drbd-${name}.service" ];
      }
    ) withSecret;
    homelab.secrets.needed = lib.mapAttrs' (
      name: _:
      lib.nameValuePair (secret name) {
        usedFor = "the password between the hosts of the DRBD volume ${name}";
      }
    ) withSecret;

    # A changed text is adjusted to while the volume is in use.
    systemd.services = lib.mapAttrs' (
      name: resource:
      lib.nameValuePair "homelab-drbd-${name}" { reloadTriggers = [ (textOf name resource) ]; }
    ) cfg.resources;
  };
}
