# What a test says about a system in `extra.nix`, beside NixOS's own options: `system.activationScripts`,
# `system.preSwitchChecks`, `system.switch.inhibitors` and `boot.kernelPackages` mean what they mean on NixOS.
{ config, lib, ... }:
let
  service = {
    options = {
      script = lib.mkOption {
        type = lib.types.lines;
        default = "exec sleep 100000";
        example = "exit 1";
        description = "What the service runs, in sh.";
      };
      oneshot = lib.mkEnableOption "being started only when the script has ended";
    };
  };
in
{
  options = {
    system.switch.inhibitors = lib.mkOption {
      type = lib.types.attrsOf lib.types.str;
      default = { };
      example.dbus-implementation = "broker";
      description = "What may not change while a system runs.";
    };
    stub = {
      services = lib.mkOption {
        type = lib.types.attrsOf (lib.types.submodule service);
        default = { };
        example.web.script = "exec sleep 1000";
        description = "Services that are really started; the units of the lab's modules are only carried along.";
      };
      packages = lib.mkOption {
        type = lib.types.attrsOf lib.types.str;
        default = { };
        example.hello = "2.12";
        description = "Packages of the system with their versions, to see them come, go and change.";
      };
      bootLoader = lib.mkOption {
        type = lib.types.lines;
        default = "";
        example = "exit 1";
        description = "What installing the boot loader does before it takes the new system as its default, in sh.";
      };
      loader = lib.mkOption {
        type = lib.types.enum [
          "systemd-boot"
          "grub"
          "other"
        ];
        default = "systemd-boot";
        example = "grub";
        description = "Whose menu is on /boot; what `other` starts cannot be told for a single boot.";
      };
      initInterface = lib.mkOption {
        type = lib.types.str;
        default = "systemd 2";
        example = "systemd 3";
        description = "How init takes over; a system with another one cannot be switched to without a reboot.";
      };
      version = lib.mkOption {
        type = lib.types.str;
        default = "26.05.20260520.5a2b3c4";
        example = "26.11.20261120.1f2e3d4";
        description = "The version of NixOS.";
      };
    };
  };

  config.system.nixos.label = lib.mkOptionDefault config.stub.version;
}
