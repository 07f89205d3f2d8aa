# A stand-in for nixpkgs: packages are names with a store path, writers keep their text.
{ lib }:
let
  # Hexadecimal with the letter that store paths never hold replaced.
  digest =
    text:
    builtins.replaceStrings [ "e" ] [ "g" ] (
      builtins.substring 0 32 (builtins.hashString "sha256" text)
    );

  derivation =
    name: attributes:
    let
      self = {
        type = "derivation";
        inherit name;
        pname = name;
        version = "1.0";
        system = "x86_64-linux";
        outPath = "/nix/store/${digest name}-${name}";
        drvPath = "/nix/store/${digest name}-${name}.drv";
        outputName = "out";
        outputs = [ "out" ];
        out = self;
        override = _: self;
        overrideAttrs = _: self;
        passthru = { };
        meta = {
          mainProgram = name;
          broken = false;
          priority = 5;
        };
      }
      // attributes;
    in
    self;

  # The text goes out as a trace when the path is used, so that a script named in a unit can be read from outside.
  written =
    {
      name,
      text,
      program ? "",
    }:
    let
      path = "/nix/store/${digest (name + text)}-${name}";
    in
    derivation name {
      inherit text;
      outPath = builtins.trace "written:${builtins.toJSON { inherit path text; }}" path;
      meta = {
        mainProgram = if program == "" then name else program;
        broken = false;
      };
    };

  script =
    name: shebang: text:
    written {
      inherit name;
      text = "#!${shebang}\n${text}";
    };

  packages = lib.genAttrs (import ./packages.nix) (
    name:
    derivation name (
      lib.optionalAttrs (lib.hasPrefix "k3s" name) { airgap-images = derivation "${name}-images" { }; }
    )
  );

  versioned = name: version: derivation name { inherit version; };

  kernel =
    version:
    let
      built = name: derivation "${name}-${version}" { };
    in
    {
      kernel = derivation "linux-${version}" {
        inherit version;
        modDirVersion = version;
        config.isEnabled = _: true;
      };
      drbd = versioned "drbd-${version}" "9.2.16";
      zfs = built "zfs-kernel";
      zfs_2_3 = built "zfs-kernel";
      zfs_2_4 = built "zfs-kernel";
      extend = _: kernel version;
    };

  format = generate: arguments: {
    type = (import ./types.nix { inherit lib; }).json;
    generate =
      name: value:
      written {
        inherit name;
        text = generate arguments value;
      };
  };
  platform = lib.systems.elaborate "x86_64-linux";
in
packages
// rec {
  inherit lib;
  inherit (stdenv) system hostPlatform;
  stdenv = {
    hostPlatform = platform;
    buildPlatform = platform;
    inherit (platform) system isLinux isx86_64;
    shell = runtimeShell;
  };
  config = { };
  runtimeShell = "${packages.bash}/bin/bash";
  bash = packages.bash // {
    shellPath = "/bin/bash";
  };

  k3s = versioned "k3s" "1.35.2+k3s1";
  kubernetes = versioned "kubernetes" "1.35.2" // {
    pause = derivation "kubernetes-pause" { };
  };
  kubectl = versioned "kubectl" "1.35.2";
  zfs = derivation "zfs-user" {
    version = "2.4.1";
    kernelModuleAttribute = "zfs_2_4";
  };
  drbd = versioned "drbd" "9.33.0";

  linuxPackages = linuxPackages_6_18;
  linuxPackages_latest = kernel "7.1.2";
  linuxPackages_6_12 = kernel "6.12.60";
  linuxPackages_6_18 = kernel "6.18.10";
  linuxKernel.packages = {
    linux_6_12 = linuxPackages_6_12;
    linux_6_18 = linuxPackages_6_18;
  };

  writeText = name: text: written { inherit name text; };
  writeTextFile =
    { name, text, ... }:
    written { inherit name text; };
  writeTextDir =
    path: text:
    written {
      name = baseNameOf path;
      inherit text;
    };
  writeScript = writeText;
  writeShellScript = name: script name runtimeShell;
  writeShellScriptBin = name: script name runtimeShell;
  writeShellApplication =
    {
      name,
      text,
      runtimeInputs ? [ ],
      ...
    }:
    script name runtimeShell ''
      set -o errexit
      set -o nounset
      set -o pipefail
      ${lib.optionalString (
        runtimeInputs != [ ]
      ) ''export PATH="${lib.makeBinPath runtimeInputs}:$PATH"''}
      ${text}
    '';

  linkFarm =
    name: entries:
    written {
      inherit name;
      text = builtins.toJSON (lib.mapAttrs (_: toString) entries);
    };
  dockerTools.buildLayeredImage =
    { name, config, ... }:
    written {
      name = "${baseNameOf name}.tar.gz";
      text = builtins.toJSON config;
    };

  writers.makeScriptWriter =
    { interpreter, ... }:
    name: script (baseNameOf name) interpreter;

  formats = {
    json = format (_: builtins.toJSON);
    yaml = format (_: builtins.toJSON);
    toml = format (_: builtins.toJSON);
    ini = format (_: lib.generators.toINI { });
    keyValue = format (_: lib.generators.toKeyValue { });
  };

  callPackage =
    target: arguments:
    let
      function = if lib.isFunction target then target else import target;
    in
    function (builtins.intersectAttrs (lib.functionArgs function) result // arguments);
  result = packages // {
    inherit lib writeText writeTextFile;
  };
}
