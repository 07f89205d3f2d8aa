# /etc of a system: the units and files of the lab's modules as they are, the services of the stub, nix.conf.
{
  busybox,
  config,
  directory,
  file,
  lib,
  pkgs,
}:
let
  service =
    name:
    {
      script,
      oneshot,
    }:
    ''
      [Unit]
      Description=the service ${name} of a test
      [Service]
      ExecStart=${busybox}/bin/sh -e ${file "${name}-start" script}
      Environment=PATH=/usr/sbin:/usr/bin:/sbin:/bin:${busybox}/bin
      ${lib.optionalString oneshot "Type=oneshot\nRemainAfterExit=true"}
      [Install]
      WantedBy=multi-user.target
    '';
  units =
    # Bash is a name only.
    lib.mapAttrs (_: unit: builtins.replaceStrings [ pkgs.runtimeShell ] [ "/bin/sh" ] unit.text) (
      lib.filterAttrs (_: unit: unit.enable) config.systemd.units
    )
    // lib.mapAttrs' (
      name: value: lib.nameValuePair "${name}.service" (service name value)
    ) config.stub.services;

  # Of the settings, those that hold on a host without a daemon, without a cache and with a busybox for a shell.
  kept = [
    "experimental-features"
    "require-sigs"
    "trusted-public-keys"
    "trusted-users"
  ];
  settings = lib.getAttrs kept config.nix.settings // {
    build-hook = "";
    build-users-group = "";
    sandbox = false;
    substituters = "";
  };
  render =
    value:
    if lib.isBool value then lib.boolToString value else lib.concatStringsSep " " (lib.toList value);
  etc = {
    "nix/nix.conf" = file "nix.conf" (
      lib.concatStrings (lib.mapAttrsToList (key: value: "${key} = ${render value}\n") settings)
    );
    os-release = file "os-release" ''
      ID=nixos
      NAME=NixOS
      PRETTY_NAME="NixOS ${config.stub.version}"
      VERSION_ID="${lib.versions.majorMinor config.stub.version}"
      BUILD_ID="${config.stub.version}"
    '';
  }
  // lib.mapAttrs' (_: one: lib.nameValuePair one.target one.source) (
    lib.filterAttrs (_: one: one.enable) config.environment.etc
  )
  // lib.mapAttrs' (name: text: lib.nameValuePair "systemd/system/${name}" (file name text)) units;
in
directory "etc" {
  links = lib.mapAttrs' (target: source: lib.nameValuePair "etc/${target}" "${source}") etc;
}
