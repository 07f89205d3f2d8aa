# sops-nix's options for when no checkout of it is at hand: names, types and computed paths, without the decryption.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  withDefault =
    type: default:
    mkOption {
      inherit type default;
    };
  optionalString = withDefault (types.nullOr types.str) null;
  strings = withDefault (types.listOf types.str) [ ];

  ownership = {
    mode = withDefault types.str "0400";
    owner = optionalString;
    group = optionalString;
    uid = withDefault (types.nullOr types.int) 0;
    gid = withDefault (types.nullOr types.int) 0;
    restartUnits = strings;
    reloadUnits = strings;
  };

  secret =
    { name, config, ... }:
    {
      options = ownership // {
        name = withDefault types.str name;
        key = withDefault types.str name;
        path = withDefault types.str (
          "/run/secrets${lib.optionalString config.neededForUsers "-for-users"}/${config.name}"
        );
        format = withDefault (types.enum [
          "yaml"
          "json"
          "binary"
          "dotenv"
          "ini"
        ]) "yaml";
        sopsFile = mkOption { type = types.path; };
        neededForUsers = withDefault types.bool false;
      };
    };

  template =
    { name, config, ... }:
    {
      options = ownership // {
        name = withDefault types.singleLineStr name;
        path = withDefault types.singleLineStr "/run/secrets/rendered/${config.name}";
        content = withDefault types.lines "";
        file = mkOption { type = types.path; };
      };
    };
in
{
  options.sops = {
    secrets = withDefault (types.attrsOf (types.submodule secret)) { };
    templates = withDefault (types.attrsOf (types.submodule template)) { };
    placeholder = withDefault (types.attrsOf types.str) { };
    defaultSopsFile = mkOption { type = types.path; };
    defaultSopsFormat = withDefault types.str "yaml";
    defaultSopsKey = optionalString;
    validateSopsFiles = withDefault types.bool true;
    keepGenerations = withDefault types.ints.unsigned 1;
    environment = withDefault (types.attrsOf (types.either types.str types.path)) { };
    useTmpfs = withDefault types.bool false;
    useSystemdActivation = withDefault types.bool false;
    age = {
      keyFile = optionalString;
      generateKey = withDefault types.bool false;
      plugins = withDefault (types.listOf types.package) [ ];
      sshKeyPaths = withDefault (types.listOf types.path) (
        map (key: key.path) (lib.filter (key: key.type == "ed25519") config.services.openssh.hostKeys)
      );
    };
    gnupg = {
      home = optionalString;
      sshKeyPaths = withDefault (types.listOf types.path) [ ];
    };
  };

  config.sops.placeholder = lib.mapAttrs (
    name: _: lib.mkDefault "<SOPS:${builtins.hashString "sha256" name}:PLACEHOLDER>"
  ) config.sops.secrets;
}
