{ lib, ... }:
let
  pool = import ./types/pool.nix { inherit lib; };
  received = import ./types/received.nix { inherit lib; };

  calendar =
    default: purpose:
    lib.mkOption {
      type = lib.types.nullOr lib.types.singleLineStr;
      inherit default;
      example = "Sun 03:00";
      description = "When every pool is ${purpose}, as a systemd calendar expression; null for never.";
    };
in
{
  options.homelab.zfs = {
    enable = lib.mkEnableOption "ZFS: pools, snapshots, replication and what keeps them healthy";

    hostId = lib.mkOption {
      type = lib.types.nullOr (lib.types.strMatching "[0-9a-f]{8}");
      default = null;
      example = "8425e349";
      description = ''
        Eight hexadecimal digits that tell this host from every other. A pool remembers whose it is by them, so they
        are never changed and never shared: `head -c4 /dev/urandom | od -A none -t x4` makes some.
      '';
    };

    arcMaxMiB = lib.mkOption {
      type = lib.types.nullOr (lib.types.ints.between 64 16777216);
      default = null;
      example = 4096;
      description = ''
        Upper limit of ZFS's read cache in MiB. Null leaves it to ZFS, which takes most of the memory: too much for a
        host whose memory belongs to its guests.
      '';
    };

    scrub = calendar "monthly" "read in full and repaired from its redundancy";
    trim = calendar "weekly" "told which blocks of its SSDs are free";

    mailTo = lib.mkOption {
      type = lib.types.nullOr (lib.types.strMatching "[^ @]+(@[^ @]+)?");
      default = null;
      example = "mika@example.org";
      description = ''
        Who is told by mail of failing disks and finished scrubs. The host needs a sendmail for it, such as
        `programs.msmtp` gives. Null: such events are only in the journal.
      '';
    };

    pools = lib.mkOption {
      type = lib.types.attrsOf pool;
      default = { };
      example = lib.literalExpression ''
        {
          tank.vdevs = [
            {
              layout = "mirror";
              disks = [ "/dev/disk/by-id/ata-WD40EFRX_1" "/dev/disk/by-id/ata-WD40EFRX_2" ];
            }
          ];
          tank.datasets.media = { mountpoint = "/tank/media"; quota = "2T"; };
        }
      '';
      description = ''
        The pools of this host, besides the one it boots from. disko makes them at installation; a pool that joins the
        lab later is made once by hand with `disko --mode format`, never by a deploy.
      '';
    };

    receives = lib.mkOption {
      type = lib.types.listOf received;
      default = [ ];
      example = [
        {
          from = "dl1";
          dataset = "tank/backup/dl1-vms";
        }
      ];
      description = "Datasets of other hosts that are replicated to this one.";
    };
  };
}
