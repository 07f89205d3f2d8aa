# One replicated volume.
{ lib }:
let
  inherit (lib) mkOption types;

  member = types.submodule {
    options = {
      nodeId = mkOption {
        type = types.ints.between 0 31;
        example = 0;
        description = "Number of the host within the resource. It is written into the metadata: never change it.";
      };
      address = mkOption {
        type = types.singleLineStr;
        example = "10.10.20.11";
        description = "Address the host replicates from.";
      };
      disk = mkOption {
        type = types.nullOr (types.strMatching "/dev/.+");
        default = null;
        example = "/dev/zvol/tank/drbd/vmstore";
        description = "Device that holds the host's copy; null for a witness, which has a vote but no data.";
      };
    };
  };

  backing = types.submodule {
    options = {
      dataset = mkOption {
        type = types.strMatching "[^/@ ]+(/[^/@ ]+)+";
        example = "tank/drbd/vmstore";
        description = "The zvol's name.";
      };
      size = mkOption {
        type = types.strMatching "[0-9]+[MGT]";
        example = "200G";
        description = "The zvol's size. It may grow; a smaller one than it has is ignored.";
      };
    };
  };
in
types.submodule {
  options = {
    minor = mkOption {
      type = types.ints.between 0 1048575;
      example = 0;
      description = "Number of the device, /dev/drbd<minor>, on every host.";
    };
    port = mkOption {
      type = types.port;
      example = 7789;
      description = "TCP port of the resource on every host.";
    };
    protocol = mkOption {
      type = types.enum [
        "A"
        "B"
        "C"
      ];
      default = "C";
      example = "A";
      description = "When a write counts as done: C on all disks, B in the peers' memory, A in the local send buffer.";
    };
    quorum = mkOption {
      type = types.enum [
        "majority"
        "off"
      ];
      default = "majority";
      example = "off";
      description = "Whether a host needs to see most of the others to write. Without it two halves that lost each other diverge.";
    };
    onNoQuorum = mkOption {
      type = types.enum [
        "io-error"
        "suspend-io"
      ];
      default = "io-error";
      example = "suspend-io";
      description = "What writers see without quorum: errors at once, or a halt until it is back.";
    };
    rate = mkOption {
      type = types.nullOr (types.strMatching "[0-9]+[KMG]");
      default = null;
      example = "100M";
      description = "Bytes a second that resync may take at most; null for DRBD's own limit.";
    };
    verify = mkOption {
      type = types.nullOr types.singleLineStr;
      default = null;
      example = "Sun *-*-1..7 04:00:00";
      description = "When the copies are compared block by block, as a systemd calendar expression; null for never.";
    };
    allowTwoPrimaries = mkOption {
      type = types.bool;
      default = false;
      description = "Whether two hosts may write at once, which live migration needs for a moment and a file system does not survive.";
    };
    sharedSecret = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the hosts prove to each other that they know the secret drbd-<resource>, of at most 63 letters.";
    };
    interface = mkOption {
      type = types.singleLineStr;
      example = "eno1.20";
      description = "Interface of this host on which the port is opened.";
    };
    hosts = mkOption {
      type = types.attrsOf member;
      default = { };
      example = lib.literalExpression ''
        {
          dl1 = { nodeId = 0; address = "10.10.20.11"; disk = "/dev/zvol/tank/drbd/vmstore"; };
          dl2 = { nodeId = 1; address = "10.10.20.12"; disk = "/dev/zvol/tank/drbd/vmstore"; };
          dl3 = { nodeId = 2; address = "10.10.20.13"; };
        }
      '';
      description = "The resource's hosts by their host names, this one among them.";
    };
    backing = mkOption {
      type = types.nullOr backing;
      default = null;
      example = {
        dataset = "tank/drbd/vmstore";
        size = "200G";
      };
      description = "The zvol of this host that is made when missing. It is never destroyed and never made smaller.";
    };
  };
}
