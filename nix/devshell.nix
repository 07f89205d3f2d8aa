# What a person who works on pyhomelab, or on a lab, has at hand after `nix develop`.
{ pkgs }:
pkgs.mkShell {
  packages = [
    (import ./python.nix { inherit pkgs; })
    pkgs.import-linter
    pkgs.ruff

    pkgs.deadnix
    pkgs.nix-eval-jobs
    pkgs.nixfmt
    pkgs.nixos-anywhere

    pkgs.age
    pkgs.sops
    pkgs.ssh-to-age

    # the tests hand generated files to the programs that will read them
    pkgs.drbd
    pkgs.keepalived
    pkgs.libvirt
    pkgs.libxml2
    pkgs.nftables
    pkgs.qemu-utils
    pkgs.shellcheck
  ];
  shellHook = ''
    export PYTHONPATH="$PWD''${PYTHONPATH:+:$PYTHONPATH}"
  '';
}
