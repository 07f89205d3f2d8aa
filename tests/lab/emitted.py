"""What a lab's modules make of a machine, put on a virtual machine that runs Debian: its units, scripts and files.

The text is as it was emitted; the programs that it names in the Nix store are those of Debian.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.modules.harness import evaluate_many, script

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.lab.vms import Vm

_STORED = re.compile(r"/nix/store/[0-9a-z]{32}-[-.+_?=0-9a-zA-Z]+")
_PROGRAMS = "/opt/debian"  # bin holds every program of the machine
_SELECT = """{
  inherit (config.networking) hostId;
  create = config.disko.devices._create;
  pools = lib.mapAttrs (_: pool: {
    inherit (pool) options rootFsOptions;
    datasets = lib.mapAttrs (_: dataset: dataset.options) (removeAttrs pool.datasets [ "__root" ]);
  }) config.disko.devices.zpool;
  mounts = lib.mapAttrsToList (place: mount: "${mount.device} ${place} ${mount.fsType} ${lib.concatStringsSep "," mount.options} 0 0")
    config.fileSystems;
  units = lib.mapAttrs (_: unit: { inherit (unit) text wantedBy; })
    (lib.filterAttrs (name: _: lib.hasPrefix "homelab-zfs" name || lib.hasPrefix "homelab-drbd" name) config.systemd.units);
  files = lib.mapAttrs' (name: file: lib.nameValuePair "/etc/${name}" file.text)
    (lib.filterAttrs (name: _: lib.hasPrefix "drbd" name) config.environment.etc)
    // lib.mapAttrs' (_: template: lib.nameValuePair template.path template.content) config.sops.templates;
  secrets = config.sops.placeholder;
  sanoid = lib.mapAttrs (_: lib.filterAttrs (_: value: value != null && value != [ ])) config.services.sanoid.datasets;
  syncoid = lib.mapAttrs (_: sent: {
    inherit (sent) source target recursive sendOptions recvOptions extraArgs localSourceAllow;
  }) config.services.syncoid.commands;
  sshKey = config.services.syncoid.sshKey;
  sshConfig = config.programs.ssh.extraConfig;
  receiverKeys = config.users.users.syncoid-receiver.openssh.authorizedKeys.keys or [ ];
}"""


@dataclass(frozen=True)
class Emitted:
    """What is emitted for one machine."""

    values: dict[str, Any]

    def files(self) -> dict[str, str]:
        """Units, the scripts they start, and files, by the place where they belong; secrets are their own names."""
        units = {f"/etc/systemd/system/{name}": unit["text"] for name, unit in self.values["units"].items()}
        texts = {**units, **self.values["files"], "/etc/fstab.lab": "\n".join([*self.values["mounts"], ""])}
        for name, placeholder in self.values["secrets"].items():
            texts = {place: text.replace(placeholder, f"secret-of-{name}") for place, text in texts.items()}
        return texts | self._scripts(units)

    def links(self) -> dict[str, str]:
        """What each link points to: units by whom they are wanted, and packages, which Debian's programs stand for."""
        wanted = {
            f"/etc/systemd/system/{other}.wants/{name}": f"/etc/systemd/system/{name}"
            for name, unit in self.values["units"].items()
            for other in unit["wantedBy"]
        }
        files = self.files()
        stored = {path for text in files.values() for path in _STORED.findall(text)}
        packages = {path: _PROGRAMS for path in stored if not any(place.startswith(path) for place in files)}
        return {**wanted, **packages, "/run/current-system/sw": _PROGRAMS}

    def _scripts(self, units: Mapping[str, str]) -> dict[str, str]:
        found = {}
        for text in units.values():
            for path in re.findall(rf"{_STORED.pattern}(?:/bin/[-.\w]+)?", text):
                try:
                    found[path] = script(path)
                except KeyError:
                    continue
        return found


def emitted(machines: Mapping[str, Path]) -> dict[str, Emitted]:
    """What is emitted for each machine, given by its generated directory, but for the disk of its system."""
    modules = {name: _without_system_disk(directory) for name, directory in machines.items()}
    return {name: Emitted(values) for name, values in evaluate_many(modules, _SELECT).items()}


def _without_system_disk(directory: Path) -> str:
    return f"{{ lib, ... }}: {{ imports = [ {directory} ]; homelab.systemDisk.enable = lib.mkForce false; }}"


def put_on(vm: Vm, machine: Emitted) -> None:
    """The virtual machine has what is emitted for this one, and its systemd knows of it; nothing is started."""
    imports = {f"/etc/systemd/system/zfs-import-{pool}.service": _import(pool) for pool in machine.values["pools"]}
    vm.install(machine.files() | imports, machine.links())
    vm.run(f"zgenhostid -f {machine.values['hostId']}; cat /etc/fstab.lab >>/etc/fstab; systemctl daemon-reload")


def make_pools(vm: Vm, machine: Emitted) -> None:
    """Disko's own script, run for real, makes the pools of a machine on its blank disks."""
    vm.install({"/root/make-pools": machine.values["create"]})
    vm.run("mkdir -p /mnt; bash -o pipefail /root/make-pools; zpool export -a")  # as an installer leaves them


def start(vm: Vm, machine: Emitted) -> None:
    """What a boot would start of all that was put on the virtual machine."""
    wanting = {"multi-user.target", "timers.target"}
    units = [name for name, unit in machine.values["units"].items() if wanting.intersection(unit["wantedBy"])]
    places = " ".join(mount.split()[1] for mount in machine.values["mounts"])
    mounts = f"$(systemd-escape --path --suffix=mount {places})" if places else ""
    everything = f"{' '.join(units)} {mounts}"
    # A unit that fails may be started once more by systemd.
    again = f"sleep 1; [ $(systemctl is-active {everything} | sort --unique) = active ] && exit 0"
    told = "journalctl --no-pager --output=cat --lines=40; exit 1"
    vm.run(f"systemctl start {everything} || {{ for n in $(seq 60); do {again}; done; {told}; }}")


def boot(vm: Vm, machine: Emitted) -> None:
    """The virtual machine has power again, and what a boot would start is started."""
    vm.resume()
    put_on(vm, machine)
    start(vm, machine)


def _import(pool: str) -> str:
    """A unit that does what NixOS's own does, which is not evaluated here."""
    return (
        f"[Unit]\nDescription=Import of the ZFS pool {pool}\nDefaultDependencies=no\n"
        "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        f"ExecStart=zpool import -d /dev/disk/by-id -N {pool}\n"
    )
