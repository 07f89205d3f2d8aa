# Lets a machine be evaluated before its secrets were made. It cannot be built: sops-nix checks the real files then.
{ lib, ... }:
{
  options = {
    # `apply` and the submodule below merge into the options that NixOS and sops-nix declare.
    assertions = lib.mkOption {
      apply = lib.filter (one: one.assertion || !(lib.hasInfix "with `pyhomelab secret " one.message));
    };
    sops.secrets = lib.mkOption {
      type = lib.types.attrsOf (
        # sops-nix hashes the file while it evaluates, so there has to be one.
        lib.types.submodule { config.sopsFile = lib.mkForce ./without-secrets.yaml; }
      );
    };
  };
}
