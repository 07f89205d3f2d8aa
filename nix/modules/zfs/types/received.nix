# A dataset that another host replicates to this one.
{ lib }:
let
  inherit (lib) mkOption types;
  keep = import ./keep.nix { inherit lib; };
in
types.submodule {
  options = {
    from = mkOption {
      type = types.strMatching "[a-z0-9]([a-z0-9-]*[a-z0-9])?";
      example = "dl1";
      description = "The host that sends.";
    };
    dataset = mkOption {
      type = types.strMatching "[^/@ ]+(/[^/@ ]+){2,}";
      example = "tank/backup/dl1-vms";
      description = "The dataset it may create and add to, at least two below the pool: the sender is given rights on its parent.";
    };
    publicKey = mkOption {
      type = types.nullOr types.singleLineStr;
      default = null;
      example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI... syncoid@dl1";
      description = "The sender's public key; null to read it from syncoid-<from>.pub in `homelab.secrets.directory`.";
    };
    snapshots = mkOption {
      type = types.nullOr (keep {
        hourly = 48;
        daily = 30;
        weekly = 8;
        monthly = 12;
        yearly = 0;
      });
      default = { };
      example.monthly = 24;
      description = "How many of the received snapshots are kept; null for all of them until the pool is full.";
    };
  };
}
