# What `nix flake check` holds the repository to. Names come from folders alone, so that one check evaluates only itself.
{
  pkgs,
  nixpkgs,
  disko,
  sops-nix,
  hosts,
  configurations, # the machines of `hosts`: the flake's own, so that none is evaluated twice
}:
let
  inherit (nixpkgs) lib;
  source = ../.;

  check =
    name: tools: script:
    pkgs.runCommand name { nativeBuildInputs = tools; } ''
      cd ${source}
      ${script}
      touch $out
    '';

  machines =
    directory:
    import ./example-lab.nix {
      inherit nixpkgs disko sops-nix;
      hosts = directory;
    };

  # The path of the derivation is known only when the whole machine could be evaluated; nothing is built for it.
  evaluates =
    prefix:
    lib.mapAttrs' (
      name: machine:
      lib.nameValuePair "${prefix}-${name}" (
        pkgs.writeText "${prefix}-${name}" (
          builtins.unsafeDiscardStringContext machine.config.system.build.toplevel.drvPath
        )
      )
    );

  examples = lib.filterAttrs (_: type: type == "directory") (
    lib.optionalAttrs (builtins.pathExists (hosts + "/examples")) (
      builtins.readDir (hosts + "/examples")
    )
  );
in
{
  formatting = check "formatting" [ pkgs.nixfmt pkgs.ruff ] ''
    find . -name '*.nix' -print0 | xargs -0 nixfmt --check
    ruff format --no-cache --check .
    ruff check --no-cache .
  '';
  tests =
    check "tests"
      [
        (import ./python.nix { inherit pkgs; })
        pkgs.age
        pkgs.libxml2
        pkgs.openssh
        pkgs.shellcheck
        pkgs.sops
      ]
      ''
        export HOME=$TMPDIR HYPOTHESIS_STORAGE_DIRECTORY=$TMPDIR/hypothesis
        python -m pytest -n auto -p no:cacheprovider
      '';
  # Refuses an option that does not say what it is.
  options-doc = (import ./options-doc.nix { inherit lib pkgs; }).manual;
}
// evaluates "lab" configurations
// lib.concatMapAttrs (
  name: _: evaluates "example-${name}" (machines (hosts + "/examples/${name}"))
) examples
# Their machines are x86_64-linux, and run where a builder has KVM.
//
  lib.optionalAttrs
    (pkgs.stdenv.hostPlatform.system == "x86_64-linux" && builtins.pathExists ../vm-tests)
    (lib.mapAttrs' (name: lib.nameValuePair "vm-${name}") (import ../vm-tests { inherit pkgs disko; }))
