"""Systems for test hosts: a lab made by pyhomelab itself, its machines built by a real Nix, brought to the hosts."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.lab.stand_ins import stand_ins, use_stand_ins
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.lab.hosts import LabHost

UNWELL = "/run/unwell"
"""A file that makes a check of every host fail while it is there."""
PROFILE = "/nix/var/nix/profiles/system"
NIX_CONFIG = "experimental-features = nix-command flakes\nsubstituters =\nbuild-hook =\nbuilders =\n"
"""For every Nix that works on such a lab: nothing comes from a cache, which would only be waited for."""


class CommandFailed(Exception):
    """A program ended with a failure; the message has what it said."""


def make_lab(directory: Path, hosts: Iterable[LabHost]) -> Path:
    """A lab whose machines are these hosts, as `pyhomelab init` and `gen` make it; its flake can be built here.

    The host keys are pinned and the lab's signing key is its own. A machine's `hosts/NAME/extra.nix` is free to use:
    tests/lab/stub/options.nix lists what can be said there beside NixOS's options.
    """
    machines = list(hosts)
    pyhomelab("init", str(directory))
    (directory / "hosts/inventory.yaml").write_text(json.dumps(inventory(machines), indent=2))
    pins = directory / "hosts/secrets/hosts"
    pins.mkdir(parents=True)
    for host in machines:
        (pins / f"{host.name}.pub").write_text(f"{host.host_key}\n")
    pyhomelab("gen", str(directory / "hosts/inventory.yaml"))
    use_stand_ins(directory)
    return directory


def inventory(hosts: Iterable[LabHost]) -> dict[str, object]:
    """The inventory of a lab of these hosts; JSON is YAML."""
    machines = list(hosts)
    network = machines[0].address.rpartition(".")[0]
    key = machines[0].key.with_suffix(".pub").read_text().strip()
    return {
        "lab": {"name": "test", "state_version": "26.05", "admins": [{"name": "mika", "ssh_keys": [f"{key} mika"]}]},
        "networks": {"lan": {"cidr": f"{network}.0/24"}},
        "hosts": {host.name: _host(host) for host in machines},
    }


def _host(host: LabHost) -> dict[str, object]:
    return {
        "cpu_threads": "4",
        "memory": "8GiB",
        "boot": {"disk": f"/dev/disk/by-id/nvme-{host.name}"},
        "links": {"eth0": {"network": "lan", "address": host.address}},
        "checks": {"well": {"command": f"test ! -e {UNWELL}"}},
    }


def flake_with_stub(directory: Path) -> list[str]:
    """The arguments that make Nix build the flake in a directory with the stand-ins, where that is not locked so."""
    words = [word for name, path in stand_ins().items() for word in ("--override-input", name, f"path:{path}")]
    return [f"path:{directory}", *words]


def build(directory: Path, machine: str) -> str:
    """Build a machine of a lab; gives the store path of its system."""
    attribute = f"path:{directory}#nixosConfigurations.{machine}.config.system.build.toplevel"
    return nix("build", "--no-link", "--print-out-paths", attribute).strip()


def build_with(directory: Path, machine: str, settings: str) -> str:
    """Build a machine of a lab after putting these settings, in Nix, into its `extra.nix`."""
    (directory / "hosts" / machine / "extra.nix").write_text(f"{{ lib, pkgs, ... }}:\n{{\n{settings}\n}}\n")
    return build(directory, machine)


def copy(host: LabHost, toplevel: str, *arguments: str) -> None:
    """Copy a system to a host as Nix does it; the host refuses what is not signed by a key that it trusts."""
    nix("copy", *arguments, "--to", f"ssh-ng://root@{host.address}", toplevel, NIX_SSHOPTS=shlex.join(host.ssh_options))


def install(host: LabHost, toplevel: str) -> None:
    """Make a system the one that a host runs and boots, as an installer does: it reboots into it."""
    make_default(host, toplevel)
    host.reboot()


def make_default(host: LabHost, toplevel: str) -> None:
    """Make a system the first generation of a host, which it runs from its next boot on."""
    copy(host, toplevel, "--no-check-sigs")
    host.run(f"nix-env --profile {PROFILE} --set {toplevel} && {toplevel}/bin/switch-to-configuration boot")


def nix(*arguments: str, **variables: str) -> str:
    """What nix prints."""
    return _said(["nix", *arguments], {"NIX_CONFIG": NIX_CONFIG, **variables})


def pyhomelab(*arguments: str) -> str:
    """What pyhomelab prints."""
    return _said([sys.executable, "-m", "pyhomelab", *arguments], {"PYTHONPATH": str(ROOT)})


def _said(argv: list[str], variables: dict[str, str]) -> str:
    done = subprocess.run(argv, env=os.environ | variables, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise CommandFailed(f"{shlex.join(argv)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout
