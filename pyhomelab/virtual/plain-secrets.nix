# The secrets of a virtual machine as plain files, where a lab has sops-nix: they stand in the store for all to read, and no
# host key that could decrypt them exists before the machine has booted.
{
  secrets ? { }, # by name: its text
  invent ? null, # name → text, for those that have none there
}:
{ config, lib, ... }:
let
  inherit (lib) mkOption types;

  # sops-nix's other settings (whose key decrypts, what is restarted) have nothing to do here.
  file =
    directory:
    types.attrsOf (
      types.submodule (
        { name, ... }:
        {
          freeformType = types.attrsOf types.anything;
          options.path = mkOption {
            type = types.str;
            default = "/etc/${directory}/${name}";
          };
        }
      )
    );

  etcFiles =
    text:
    lib.mapAttrs' (
      name: secret:
      lib.nameValuePair (lib.removePrefix "/etc/" secret.path) {
        text = text name secret;
        mode = secret.mode or "0400";
        user = secret.owner or "root";
        group = secret.group or "root";
      }
    );

  textOf = name: secrets.${name} or (if invent == null then "" else invent name);

  withoutText = lib.optionals (invent == null) (
    lib.attrNames (removeAttrs config.sops.secrets (lib.attrNames secrets))
  );
in
{
  options = {
    sops = mkOption {
      default = { };
      type = types.submodule {
        freeformType = types.attrsOf types.anything;
        options = {
          secrets = mkOption {
            type = file "plain-secrets";
            default = { };
          };
          templates = mkOption {
            type = file "plain-secrets/rendered";
            default = { };
          };
          placeholder = mkOption {
            type = types.attrsOf types.str;
            default = lib.mapAttrs (name: _: textOf name) config.sops.secrets;
          };
        };
      };
    };

    # Merges into NixOS's own declaration: encrypted files are asked for no more.
    assertions = mkOption {
      apply = lib.filter (one: one.assertion || !(lib.hasInfix "with `pyhomelab secret " one.message));
    };
  };

  config = {
    assertions = map (name: {
      assertion = false;
      message = "vm-tests on ${config.networking.hostName}: the secret ${name} has no text; add it to the test, as in secrets.${name} = \"not secret\"";
    }) withoutText;

    environment.etc =
      etcFiles (name: _: textOf name) config.sops.secrets
      // etcFiles (_: template: template.content) config.sops.templates;
  };
}
