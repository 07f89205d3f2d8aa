# A NixOS system as far as a deployment looks at it: what nixos/modules/system/activation/top-level.nix puts there.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.stub;
  inherit (import ./build.nix { inherit config lib; })
    busybox
    directory
    file
    program
    run
    ;
  inherit (config.boot.kernelPackages.kernel) version;

  kernel = run "linux-${version}" { } "mkdir $out; echo kernel > $out/bzImage";
  modules = run "linux-${version}-modules" { } "mkdir -p $out/lib/modules/${version}/kernel";
  initrd = run "initrd-linux-${version}" {
    content = lib.concatStringsSep " " (
      config.boot.initrd.availableKernelModules ++ config.boot.initrd.kernelModules
    );
  } "mkdir $out; echo $content > $out/initrd";

  package = name: packageVersion: run "${name}-${packageVersion}" { } "mkdir -p $out/share/${name}";
  sw = directory "system-path" {
    links = lib.mapAttrs' (
      name: packageVersion: lib.nameValuePair "share/${name}" (package name packageVersion)
    ) cfg.packages;
    programs = {
      "bin/nixos-version" = program "nixos-version" ./files/nixos-version.sh {
        inherit (cfg) version;
        revision = toString config.system.configurationRevision;
      };
    }
    // lib.optionalAttrs (cfg.loader == "systemd-boot") {
      "bin/bootctl" = program "bootctl" ./files/bootctl.sh { };
    }
    // lib.optionalAttrs (cfg.loader == "grub") {
      "bin/df" = program "df" ./files/plain-disk.sh { };
      "bin/stat" = program "stat" ./files/plain-disk.sh { };
    };
  };
  scripts = import ./scripts.nix { inherit config lib file; };
  etc = import ./etc.nix {
    inherit
      busybox
      config
      directory
      file
      lib
      pkgs
      ;
  };

  toplevel = directory "nixos-system-${config.networking.hostName}-${config.system.nixos.label}" {
    programs = {
      activate = program "activate" ./files/activate.sh { };
      "bin/switch-to-configuration" =
        program "switch-to-configuration" ./files/switch-to-configuration.sh
          { };
      "stub/install-loader" = program "install-loader" ./files/install-loader.sh {
        inherit (cfg) loader;
      };
      dry-activate = program "dry-activate" ./files/dry-activate.sh { };
    };
    texts = {
      init-interface-version = file "init-interface-version" cfg.initInterface;
      kernel-params = file "kernel-params" (lib.concatStringsSep " " config.boot.kernelParams);
      nixos-version = file "nixos-version" config.system.nixos.label;
      system = file "system" config.nixpkgs.hostPlatform.system;
    };
    links = scripts // {
      etc = "${etc}/etc";
      initrd = "${initrd}/initrd";
      kernel = "${kernel}/bzImage";
      kernel-modules = modules;
      inherit sw;
      switch-inhibitors = file "switch-inhibitors" (builtins.toJSON config.system.switch.inhibitors);
    };
  };

  refused = map (one: one.message) (lib.filter (one: !one.assertion) config.assertions);
in
{
  config.system.build = {
    toplevel =
      if refused == [ ] then
        lib.showWarnings config.warnings toplevel
      else
        throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (message: "- ${message}") refused}";

    # disko's scripts by name only: a test host has no disks.
    diskoScript = run "disko" { } "mkdir $out";
    mountScript = run "disko-mount" { } "mkdir $out";
  };
}
