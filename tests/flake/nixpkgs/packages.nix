# Only what nixos-26.05 has under these names; any other name is a mistake of the flake.
{ lib, system }:
let
  fake =
    name:
    derivation {
      inherit name system;
      builder = "/bin/sh";
    };
  fakes = names: lib.genAttrs names (name: fake name // { meta.mainProgram = name; });
  # Asks for each of `list`, so that a name that is not here is found.
  forced = list: value: builtins.deepSeq (map (one: one.name) list) value;

  pythonPackages =
    fakes [
      "click"
      "fabric"
      "hatchling"
      "hypothesis"
      "mypy"
      "pydantic"
      "pytest"
      "pytest-cov"
      "pytest-xdist"
      "rich"
      "ruamel-yaml"
      "ruamel-yaml-clib"
      "tree-sitter"
    ]
    // {
      tree-sitter-grammars = fakes [ "tree-sitter-nix" ];
      buildPythonApplication =
        {
          pname,
          version,
          meta,
          src,
          dependencies,
          ...
        }:
        forced dependencies (fake "${pname}-${version}" // { inherit meta src pname; });
    };

  packages =
    fakes [
      "age"
      "deadnix"
      "drbd"
      "import-linter"
      "installShellFiles"
      "keepalived"
      "libvirt"
      "libxml2"
      "nftables"
      "nix-eval-jobs"
      "nixfmt"
      "nixfmt-tree"
      "nixos-anywhere"
      "openssh"
      "qemu-utils"
      "ruff"
      "shellcheck"
      "sops"
      "ssh-to-age"
    ]
    // {
      inherit fake lib;
      callPackage = lib.callPackageWith packages;
      # Reads what the manual is made of, as the real one does.
      nixosOptionsDoc =
        { options, transformOptions, ... }:
        {
          optionsCommonMark = forced (map transformOptions (lib.optionAttrSetToDocList options)) (
            fake "options.md"
          );
        };
      mkShell = { packages, shellHook }: forced packages (fake "shell");
      python3.withPackages = choose: forced (choose pythonPackages) (fake "python");
      python3Packages = pythonPackages;
      runCommand =
        name: arguments: script:
        forced arguments.nativeBuildInputs (fake name);
      stdenv = {
        hostPlatform = { inherit system; };
        buildPlatform.canExecute = _: true;
      };
      symlinkJoin = { name, paths }: forced paths (fake name // { inherit paths; });
      writeText = name: text: builtins.seq text (fake name);
    };
in
packages
