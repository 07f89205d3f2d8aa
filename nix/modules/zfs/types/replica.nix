# Where a dataset's snapshots are copied to.
{ lib }:
let
  inherit (lib) mkOption types;
in
types.submodule {
  options = {
    host = mkOption {
      type = types.singleLineStr;
      example = "dl2";
      description = "The host that keeps the copy.";
    };
    address = mkOption {
      type = types.singleLineStr;
      example = "10.10.20.12";
      description = "Where that host answers ssh.";
    };
    dataset = mkOption {
      type = types.singleLineStr;
      example = "tank/backup/dl1-vms";
      description = "The copy's name there. Its parent is made by that host; the dataset itself by the first replication.";
    };
    interval = mkOption {
      type = types.singleLineStr;
      default = "hourly";
      example = "*-*-* 02:30:00";
      description = "When to replicate, as a systemd calendar expression.";
    };
    hostKey = mkOption {
      type = types.nullOr types.singleLineStr;
      default = null;
      example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI...";
      description = "Public ssh key of that host. Null: the key of the first connection is remembered and held to.";
    };
  };
}
