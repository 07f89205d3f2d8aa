{ lib, ... }:
let
  admin = {
    options.sshKeys = lib.mkOption {
      type = lib.types.listOf lib.types.singleLineStr;
      default = [ ];
      example = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI... mika" ];
      description = "Public keys this admin logs in with. There are no passwords, so an admin without a key is a mistake.";
    };
  };
in
{
  options.homelab.base = {
    enable = lib.mkEnableOption "what every machine of the lab has in common: admins, ssh, firewall, clock, Nix, watchdog";

    domain = lib.mkOption {
      type = lib.types.strMatching "[a-z0-9]([a-z0-9.-]*[a-z0-9])?";
      default = "home.arpa"; # RFC 8375 keeps this name for homes, so it can never clash with a real one
      example = "lab.example.org";
      description = "DNS domain of the lab; a machine's full name is its host name and this.";
    };

    timeZone = lib.mkOption {
      type = lib.types.singleLineStr;
      default = "UTC";
      example = "Asia/Tokyo";
      description = "Time zone of timers and logs, as in the tz database.";
    };

    ntpServers = lib.mkOption {
      type = lib.types.listOf lib.types.singleLineStr;
      default = [ ];
      example = [ "192.168.10.1" ];
      description = "Time servers to ask; none means those of the NixOS project's pool.";
    };

    admins = lib.mkOption {
      type = lib.types.attrsOf (lib.types.submodule admin);
      default = { };
      example = lib.literalExpression ''{ mika.sshKeys = [ "ssh-ed25519 AAAA... mika" ]; }'';
      description = "The people who run the lab. Each may log in by key and become root.";
    };

    kernel = lib.mkOption {
      type = lib.types.nullOr (lib.types.strMatching "[0-9]+\\.[0-9]+");
      default = null;
      example = "6.12";
      description = ''
        Kernel series to run, as the part of `linuxPackages_6_12` that counts. Null leaves the choice to NixOS and
        to the modules that need a certain one (ZFS, DRBD).
      '';
    };

    hardware = lib.mkOption {
      type = lib.types.enum [
        "metal"
        "kvm-guest"
      ];
      default = "metal";
      example = "kvm-guest";
      description = ''
        What the machine is made of. `metal` brings firmware files and CPU microcode (hundreds of megabytes that
        a virtual machine has no use for); `kvm-guest` brings the guest agent and a serial console instead.
      '';
    };

    generations = lib.mkOption {
      type = lib.types.ints.positive;
      default = 10;
      example = 5;
      description = "How many generations the boot menu keeps. Each takes a kernel and an initrd on /boot.";
    };

    watchdog = {
      enable = lib.mkOption {
        type = lib.types.bool;
        default = true;
        description = "Whether a hardware watchdog, where there is one, resets the machine when systemd stops answering.";
      };
      timeout = lib.mkOption {
        type = lib.types.strMatching "[0-9]+(s|min)";
        default = "30s";
        example = "2min";
        description = "How long systemd may be silent before the watchdog resets the machine.";
      };
    };

    gc = {
      dates = lib.mkOption {
        type = lib.types.singleLineStr;
        default = "weekly";
        example = "Sun 04:00";
        description = "When to delete old generations and what only they used, as a systemd calendar expression.";
      };
      olderThan = lib.mkOption {
        type = lib.types.strMatching "[0-9]+d";
        default = "30d";
        example = "14d";
        description = "Age from which a generation is deleted.";
      };
    };

    trustedKeys = lib.mkOption {
      type = lib.types.listOf lib.types.singleLineStr;
      default = [ ];
      example = [ "deployer-1:bXmGwVYL0K3Kxk2+X2Fv1xqWq3m5bQTY7mN0pJ5mKXo=" ];
      description = "Public keys, besides cache.nixos.org's, whose signature makes a store path acceptable to this machine.";
    };
  };
}
