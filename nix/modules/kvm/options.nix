{ lib, ... }:
let
  inherit (lib) types;
in
{
  options.homelab.kvm = {
    enable = lib.mkEnableOption "virtual machines on this host";

    nested = lib.mkEnableOption "virtual machines inside of guests";

    cpuVendor = lib.mkOption {
      type = types.nullOr (
        types.enum [
          "intel"
          "amd"
        ]
      );
      default = null;
      example = "intel";
      description = "Who made the processor; null sets what both need.";
    };

    iommu = lib.mkEnableOption "the IOMMU, which handing PCI devices to guests needs";

    vfioIds = lib.mkOption {
      type = types.listOf (types.strMatching "[0-9a-f]{4}:[0-9a-f]{4}");
      default = [ ];
      example = [ "10de:1eb8" ];
      description = "PCI devices (vendor:device, as lspci -n shows them) that no driver of this host may take.";
    };

    hugepages = lib.mkOption {
      type = types.nullOr (
        types.submodule {
          options = {
            size = lib.mkOption {
              type = types.enum [
                "1G"
                "2M"
              ];
              default = "1G";
              example = "2M";
              description = "Size of one page.";
            };
            count = lib.mkOption {
              type = types.ints.positive;
              example = 16;
              description = "Pages set aside while this host boots; nothing but guests can use that memory.";
            };
          };
        }
      );
      default = null;
      example = {
        size = "1G";
        count = 16;
      };
      description = "Memory set aside for guests that ask for hugepages.";
    };

    bridges = lib.mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "br-lan" ];
      description = "Bridges of this host that guests may be plugged into.";
    };

    shutdownTimeout = lib.mkOption {
      type = types.ints.positive;
      default = 120;
      example = 300;
      description = "Seconds a guest has to shut down before its plug is pulled.";
    };

    guests = lib.mkOption {
      type = types.attrsOf (types.submodule ./guest-options.nix);
      default = { };
      example = lib.literalExpression ''
        {
          k8s-1 = {
            uuid = "5f0c7a52-0d0c-5b0e-9a53-2f4f0a7b1c11";
            cpus = 4;
            memoryMiB = 8192;
            disks = [
              {
                name = "root";
                kind = "zvol";
                dataset = "tank/guests/k8s-1-root";
                size = "60G";
              }
            ];
            interfaces = [
              {
                name = "lan";
                bridge = "br-lan";
                mac = "52:54:00:12:34:56";
              }
            ];
          };
        }
      '';
      description = "Guests this host runs, by name. A guest that leaves is shut down and forgotten; its disks stay.";
    };
  };
}
