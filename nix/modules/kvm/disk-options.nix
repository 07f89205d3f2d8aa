# One disk of a guest.
{ config, lib, ... }:
let
  inherit (lib) types;
in
{
  options = {
    name = lib.mkOption {
      type = types.strMatching "[A-Za-z0-9][A-Za-z0-9_.-]*";
      example = "root";
      description = "Serial number: the guest finds the disk at /dev/disk/by-id/virtio-<name>.";
    };

    kind = lib.mkOption {
      type = types.enum [
        "zvol"
        "file"
        "drbd"
      ];
      example = "zvol";
      description = "Whether it is a ZFS volume, an image file, or a DRBD volume.";
    };

    source = lib.mkOption {
      type = types.nullOr (types.strMatching "/[[:print:]]+");
      default =
        if config.kind == "zvol" && config.dataset != null then
          "/dev/zvol/${config.dataset}"
        else if config.kind == "drbd" && config.resource != null then
          "/dev/drbd/by-res/${config.resource}/0"
        else
          null;
      defaultText = lib.literalMD "the device of `dataset` or of `resource`";
      example = "/var/lib/libvirt/images/k8s-1.qcow2";
      description = "Device or file on this host.";
    };

    size = lib.mkOption {
      type = types.nullOr (types.strMatching "[1-9][0-9]*[KMGT]");
      default = null;
      example = "60G";
      description = "Made this large when missing and grown to it when smaller, never shrunk; null: it must exist.";
    };

    format = lib.mkOption {
      type = types.enum [
        "raw"
        "qcow2"
      ];
      default = "raw";
      example = "qcow2";
      description = "Format of an image file; volumes are raw.";
    };

    dataset = lib.mkOption {
      type = types.nullOr (types.strMatching "[A-Za-z0-9_.:-]+(/[A-Za-z0-9_.:-]+)+");
      default = null;
      example = "tank/guests/k8s-1-root";
      description = "ZFS volume of a zvol disk.";
    };

    resource = lib.mkOption {
      type = types.nullOr (types.strMatching "[A-Za-z0-9_.-]+");
      default = null;
      example = "vmstore";
      description = "Resource of homelab.drbd a drbd disk is on.";
    };
  };
}
