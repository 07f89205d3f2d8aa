"""A lab that real Nix builds: its own modules are left out, and each machine is a derivation of a few bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from pyhomelab.cli.main import main, program
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on PATH")

# What of nixpkgs' lib nix/lab.nix asks for; nixosSystem does what a machine's extra.nix says.
_NIXPKGS = r"""
rec {
  optionalAttrs = wanted: set: if wanted then set else { };
  filterAttrs =
    keep: set:
    removeAttrs set (builtins.filter (name: !keep name set.${name}) (builtins.attrNames set));
  mapAttrs = builtins.mapAttrs;
  derive =
    name: script:
    derivation {
      inherit name;
      system = builtins.currentSystem or "x86_64-linux";
      builder = "/bin/sh";
      args = [ "-c" "export PATH=/usr/bin:/bin; ${script}" ];
    };
  nixosSystem =
    { modules }:
    let
      directory = builtins.elemAt modules (builtins.length modules - 1);
      name = baseNameOf directory;
      extra = import (directory + "/extra.nix") { inherit derive; };
      etc = derive "etc" "mkdir $out; echo ${builtins.hashFile "sha256" (directory + "/default.nix")} > $out/version";
    in
    {
      config.system.build.toplevel =
        extra.toplevel or (derive "nixos-system-${name}" (extra.script or "mkdir $out; ln -s ${etc} $out/etc"));
    };
}
"""
_FLAKE = """
{
  outputs = _: {
    nixosConfigurations = import ./nix/lab.nix {
      nixpkgs.lib = import ./nix/nixpkgs.nix;
      disko.nixosModules.disko = { };
      sops-nix.nixosModules.sops = { };
      hosts = ./hosts;
    };
  };
}
"""
_HEAD = """\
lab:
  name: home
  state_version: "26.05"
  admins: [{name: mika, ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c]}]
networks:
  lan: {cidr: 192.168.10.0/24}
hosts:
"""
_HOST = """\
  %s:
    cpu_threads: 4
    memory: 8GiB
    boot: {disk: /dev/disk/by-id/ata-%s}
    links: {eno1: {network: lan, address: 192.168.10.%s}}
"""


def own_store(directory: Path) -> dict[str, str]:
    """Environment in which Nix has a store, a database and a cache of its own, and builds without a sandbox."""
    return {
        "NIX_STORE_DIR": str(directory / "store"),
        "NIX_STATE_DIR": str(directory / "var"),
        "NIX_LOG_DIR": str(directory / "log"),
        "NIX_REMOTE": "local",
        "NIX_CONFIG": "sandbox = false\nsubstituters =\nbuild-users-group =\nbuild-hook =",
        "XDG_CACHE_HOME": str(directory / "cache"),
    }


@dataclass(frozen=True)
class NixLab:
    """A lab on disk with its machines, and the environment in which Nix builds it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def set_up(self, machine: str, settings: str) -> None:
        """Let a machine be as `settings` say: `script` builds it, `toplevel` is what it is."""
        (self.root / "hosts" / machine / "extra.nix").write_text(f"{{ derive, ... }}:\n{{ {settings} }}\n")

    def build(self, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the program over the lab; Nix is the real one."""
        out, err, code = StringIO(), StringIO(), None
        argv = ["build", str(self.root / "hosts"), *arguments]
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in {**self.environment, **(environment or {})}.items():
                patch.setenv(name, value)
            try:
                main(argv)
            except SystemExit as end:
                code = end.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())

    def nix(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Nix over the lab's store."""
        return subprocess.run(
            ["nix", "--extra-experimental-features", "nix-command flakes", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, **self.environment},
        )


def nix_lab(directory: Path, *machines: str) -> NixLab:
    """Make a lab of these machines, generated as `gen` does, outside git."""
    root = directory / "lab"
    (root / "nix").mkdir(parents=True)
    (root / "hosts").mkdir()
    shutil.copy(ROOT / "nix/lab.nix", root / "nix")
    (root / "nix/modules").mkdir()
    (root / "nix/modules/default.nix").write_text("{ }\n")
    (root / "nix/nixpkgs.nix").write_text(_NIXPKGS)
    (root / "flake.nix").write_text(_FLAKE)
    (root / "flake.lock").write_text('{"nodes": {"root": {}}, "root": "root", "version": 7}\n')
    hosts = "".join(_HOST % (name, name, number) for number, name in enumerate(machines, 11))
    (root / "hosts/inventory.yaml").write_text(_HEAD + hosts)
    done = CliRunner().invoke(program, ["gen", str(root / "hosts")])
    assert done.exit_code == 0, done.output
    return NixLab(root, own_store(directory / "nix"))
