# Where secrets come from: one sops file each, decrypted at boot with the machine's own ssh host key.
{
  config,
  lib,
  options,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.homelab.secrets;
  where = "homelab.secrets on ${config.networking.hostName}";

  fileOf = name: cfg.directory + "/${name}.yaml";
  isMissing = name: _: cfg.directory != null && !(builtins.pathExists (fileOf name));

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
    madeBy = mkOption {
      type = types.enum [
        "generate"
        "set"
      ];
      default = "generate";
      description = "The command of `pyhomelab secret` that makes the file; said when it is missing.";
    };
  };

  ownSecret.options = removeAttrs secret.options [ "madeBy" ];
in
{
  options.homelab.secrets = {
    directory = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = lib.literalExpression "./secrets";
      description = "Directory of the encrypted files: `<name>.yaml` each, with the secret under the key `value`.";
    };

    own = mkOption {
      type = types.attrsOf (types.submodule ownSecret);
      default = { };
      example = lib.literalExpression ''{ backup-password.usedFor = "the backup repository"; }'';
      description = "Secrets that programs of your own read, as files in `/run/secrets`; `config.sops.secrets.<name>.path` names them.";
    };

    needed = mkOption {
      type = types.attrsOf (types.submodule secret);
      default = { };
      visible = false; # nor what is in it: other modules set this, no person does
      example = lib.literalExpression ''{ k3s-home-token.usedFor = "joining the k3s cluster home"; }'';
      description = "Secrets that other modules read, at `config.sops.secrets.<name>.path`.";
    };
  };

  config = lib.mkMerge [
    (lib.mkIf (cfg.own != { }) {
      homelab.secrets.needed = lib.mapAttrs (_: secret: secret // { madeBy = "set"; }) cfg.own;
    })
    (lib.mkIf (cfg.needed != { }) (
      {
        assertions = [
          {
            assertion = options ? sops;
            message = "${where}: secrets are needed (${lib.concatStringsSep ", " (lib.attrNames cfg.needed)}) but sops-nix is not there to decrypt them; import its module, sops-nix.nixosModules.sops";
          }
          {
            assertion = cfg.directory != null;
            message = "${where}: secrets are needed (${lib.concatStringsSep ", " (lib.attrNames cfg.needed)}) but directory is not set; point homelab.secrets.directory to where their files are";
          }
        ]
        ++ lib.mapAttrsToList (name: secret: {
          assertion = false;
          message = "${where}: ${baseNameOf cfg.directory}/${name}.yaml is missing (${secret.usedFor}); make it with `pyhomelab secret ${secret.madeBy} ${name}` and `git add` it, for a flake sees only what git knows";
        }) (lib.filterAttrs isMissing cfg.needed);
      }
      # Undeclared options may not be set even under a false condition: without sops-nix only the first assertion is left.
      // lib.optionalAttrs (options ? sops) {
        sops = {
          # The host key is on the machine before its first boot (the installer puts it there), is unique to it, and never
          # leaves it. Named here, so that turning sshd off does not turn the secrets off.
          age.sshKeyPaths = lib.mkDefault [ "/etc/ssh/ssh_host_ed25519_key" ];
          # Else sops-nix takes an RSA host key for GnuPG where there is one, and starts a gpg agent for it.
          gnupg.sshKeyPaths = lib.mkDefault [ ];

          # One file a secret, so that each can be encrypted for exactly the machines that need it.
          secrets = lib.mapAttrs (
            name: secret:
            {
              key = "value";
              inherit (secret)
                owner
                group
                mode
                restartUnits
                reloadUnits
                ;
            }
            // lib.optionalAttrs (cfg.directory != null) { sopsFile = fileOf name; }
          ) cfg.needed;
        };
      }
    ))
  ];
}
