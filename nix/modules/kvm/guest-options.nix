# One guest, as the inventory describes it.
{ lib, ... }:
let
  inherit (lib) types;
in
{
  options = {
    uuid = lib.mkOption {
      type = types.strMatching "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
      example = "5f0c7a52-0d0c-5b0e-9a53-2f4f0a7b1c11";
      description = "By which libvirt and the guest's machine-id know it; never changes, or it is another machine.";
    };

    cpus = lib.mkOption {
      type = types.ints.positive;
      example = 4;
      description = "Virtual processors.";
    };

    memoryMiB = lib.mkOption {
      type = types.ints.positive;
      example = 8192;
      description = "Memory in MiB.";
    };

    cpuModel = lib.mkOption {
      type = types.str;
      default = "host-passthrough";
      example = "EPYC-Rome";
      description = ''
        host-passthrough (this host's processor as it is), host-model (the nearest model libvirt knows) or the name
        of a model from `virsh cpu-models x86_64`. A guest that migrates between unlike processors needs a named model.
      '';
    };

    firmware = lib.mkOption {
      type = types.enum [
        "uefi"
        "bios"
      ];
      default = "uefi";
      example = "bios";
      description = "What the guest boots by.";
    };

    hugepages = lib.mkEnableOption "memory from homelab.kvm.hugepages";

    autostart = lib.mkOption {
      type = types.bool;
      default = true;
      description = "Whether it starts with this host, and when it first appears.";
    };

    disks = lib.mkOption {
      type = types.listOf (types.submodule ./disk-options.nix);
      default = [ ];
      example = [
        {
          name = "root";
          kind = "zvol";
          dataset = "tank/guests/k8s-1-root";
          size = "60G";
        }
      ];
      description = "Disks in order: the guest sees them as vda, vdb and so on, and boots from the first.";
    };

    installer = lib.mkOption {
      type = types.nullOr (types.strMatching "/[[:print:]]+");
      default = null;
      example = "/var/lib/libvirt/images/nixos-minimal.iso";
      description = "Image of an installation CD, booted only while the first disk holds no system.";
    };

    interfaces = lib.mkOption {
      type = types.listOf (
        types.submodule {
          options = {
            name = lib.mkOption {
              type = types.str;
              example = "lan";
              description = "Name of the inventory's network.";
            };
            bridge = lib.mkOption {
              type = types.str;
              example = "br-lan";
              description = "Bridge of this host it is plugged into.";
            };
            mac = lib.mkOption {
              type = types.strMatching "([0-9a-f]{2}:){5}[0-9a-f]{2}";
              example = "52:54:00:12:34:56";
              description = "MAC address.";
            };
          };
        }
      );
      default = [ ];
      example = [
        {
          name = "lan";
          bridge = "br-lan";
          mac = "52:54:00:12:34:56";
        }
      ];
      description = "Network cards.";
    };

    pci = lib.mkOption {
      type = types.listOf (types.strMatching "[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]");
      default = [ ];
      example = [ "0000:03:00.0" ];
      description = "PCI devices of this host it gets as its own, by address.";
    };
  };
}
