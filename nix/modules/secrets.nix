# Where secrets come from: one sops file each, decrypted at boot with the machine's own ssh host key.
{ lib, ... }:
let
  inherit (lib) mkOption types;

  units =
    verb:
    mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      example = [ "k3s.service" ];
      description = "Units that are ${verb} when the secret changes.";
    };

  secret.options = {
    usedFor = mkOption {
      type = types.singleLineStr;
      example = "joining the k3s cluster home";
      description = "What the secret is for; said when its file is missing.";
    };
    owner = mkOption {
      type = types.singleLineStr;
      default = "root";
      example = "syncoid";
      description = "User who may read the secret.";
    };
    group = mkOption {
      type = types.singleLineStr;
      default = "root";
      example = "syncoid";
      description = "Group of the secret's file.";
    };
    mode = mkOption {
      type = types.strMatching "0?[0-7]{3}";
      default = "0400";
      example = "0440";
      description = "Permissions of the secret's file.";
    };
    restartUnits = units "restarted";
    reloadUnits = units "reloaded";
  };
in
{
  options.homelab.secrets = {
    directory = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = lib.literalExpression "./secrets";
      description = "Directory of the encrypted files: `<name>.yaml` each, with the secret under the key `value`.";
    };

    needed = mkOption {
      type = types.attrsOf (types.submodule secret);
      default = { };
      internal = true;
      example = lib.literalExpression ''{ k3s-home-token.usedFor = "joining the k3s cluster home"; }'';
      description = "Secrets that other modules read, at `config.sops.secrets.<name>.path`.";
    };
  };
}
