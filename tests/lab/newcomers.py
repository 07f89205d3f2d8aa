"""A test host as a machine that nobody has installed: it runs an installer, with a key and disks of its own."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.systems import pyhomelab
from tests.lab.told import Admin
from tests.modules.sources import ROOT
from tests.secret_keys import path_with_sops

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.hosts import LabHost
    from tests.lab.told import Told

STAND_IN = Path(__file__).parents[1] / "anywhere"
GIB = 1 << 30
INSTALLER = 'ID=nixos\nVARIANT_ID=installer\nPRETTY_NAME="NixOS 26.05 (Yarara)"\n'
DEBIAN = 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n'


def disk(name: str = "nvme0n1", **changes: object) -> dict[str, object]:
    """A disk as lsblk tells of it: blank, of 238 GiB."""
    return {
        "name": name,
        "kname": name,
        "type": "disk",
        "size": 238 * GIB,
        "rm": False,
        "ro": False,
        "rota": False,
        "tran": "nvme",
        "vendor": None,
        "model": "SAMSUNG MZVLB256",
        "serial": "S4GFNX0M1",
        "wwn": None,
        "fstype": None,
        "label": None,
        "mountpoints": [None],
        **changes,
    }


@dataclass(frozen=True)
class Call:
    """A call of nixos-anywhere."""

    place: Path

    @property
    def arguments(self) -> list[str]:
        """What it was given."""
        return (self.place / "arguments").read_text().splitlines()

    @property
    def phase(self) -> str:
        """What it was to do."""
        return self.after("--phases")

    def after(self, option: str, number: int = 1) -> str:
        """What stands after an option."""
        return self.arguments[self.arguments.index(option) + number]

    def lines(self, name: str) -> list[str]:
        """What it wrote down besides."""
        return (self.place / name).read_text().splitlines()


class Newcomer:
    """n1 of the lab, not installed yet, and what nixos-anywhere was told to do to it."""

    def __init__(self, admin: Admin, place: Path) -> None:
        self.admin, self.host, self.record = admin, admin.hosts["n1"], place
        place.mkdir()

    def becomes_bare(self) -> None:
        """Run an installer with one blank disk, as the inventory's n1 that has a host key made for it."""
        self.starts_the_installer()
        shutil.copy(self.host.key, self.admin.home / ".ssh/id_ed25519")
        self.wants(
            {"cpu_threads": "1", "memory": "1GiB", "boot": {"firmware": "bios", "disk": "/dev/disk/by-id/nvme-n1"}}
        )
        self.admin.pin("n1").unlink()
        told = self.tells("secret", "generate", "ssh-host-n1")
        assert told.code == 0, told.err

    def starts_the_installer(self) -> None:
        """Be up from the installer's medium."""
        self.runs(INSTALLER)
        self.has(disk(), by_id={"nvme-n1": "nvme0n1"})
        self.host.run(
            "mount -t tmpfs tmpfs /sys/class/net && mkdir -p /sys/class/net/eth0/device"
            " && echo 52:54:00:00:00:01 >/sys/class/net/eth0/address"
        )

    def runs(self, os_release: str) -> None:
        """Say that it is another system."""
        self.host.run("cat >/etc/os-release", stdin=os_release)

    def has(self, *disks: dict[str, object], by_id: dict[str, str]) -> None:
        """Have these disks, under these lasting names."""
        said = json.dumps({"blockdevices": disks})
        labels = "".join(f"{part['name']} {part['partlabel']}\n" for one in disks for part in _parts(one))
        script = (
            f"#!/bin/sh\ncase \"$*\" in *--json*) cat <<E\n{said}\nE\n;; *PARTLABEL*) printf '%s' '{labels}' ;; esac\n"
        )
        self.host.run("rm -f /usr/bin/lsblk && cat >/usr/bin/lsblk && chmod +x /usr/bin/lsblk", stdin=script)
        links = " && ".join(
            f"touch /dev/{name} && ln -sfn ../../{name} /dev/disk/by-id/{link}" for link, name in by_id.items()
        )
        self.host.run(f"rm -rf /dev/disk && mkdir -p /dev/disk/by-id && {links}")

    def wants(self, settings: dict[str, object]) -> None:
        """Change what the inventory says of n1."""
        file = self.admin.directory / "hosts/inventory.yaml"
        inventory: dict[str, Any] = json.loads(file.read_text())
        inventory["hosts"]["n1"] |= settings
        file.write_text(json.dumps(inventory, indent=2))
        pyhomelab("gen", str(file))

    def tells(self, *arguments: str, **environment: str) -> Told:
        """Run the program where nixos-anywhere is the stand-in."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{STAND_IN}{os.pathsep}{path_with_sops()}")
            patch.setenv("ANYWHERE_RECORD", str(self.record))
            for name, value in environment.items():
                patch.setenv(name, value)
            return self.admin.tells(*arguments)

    def installs(self, *arguments: str, **environment: str) -> Told:
        """Install n1, agreed to beforehand, and vouching for the key that it shows."""
        words = ("install", "n1", "--yes-erase", "n1", "--host-key", self.fingerprint, "--boot-limit", "60s")
        return self.tells(*words, *arguments, **environment)

    def said(self, script: str) -> str:
        """What a shell's text prints there, as at its console: it shows another key when it is installed."""
        return self.host.inside(script).stdout.strip()

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a program of its own that installs it."""
        own = {
            "HOME": str(self.admin.home),
            "PATH": f"{STAND_IN}{os.pathsep}{path_with_sops()}",
            "PYTHONPATH": str(ROOT),
            "ANYWHERE_RECORD": str(self.record),
            "TERM": "dumb",
        }
        kept = {name: value for name, value in os.environ.items() if name not in {"SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"}}
        return kept | own | more

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key that it shows now."""
        return self.said("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]

    @property
    def calls(self) -> list[Call]:
        """What nixos-anywhere was told, in order."""
        begun = [place for place in self.record.iterdir() if (place / "arguments").exists()]
        return [Call(place) for place in sorted(begun, key=lambda place: int(place.name))]

    @property
    def phases(self) -> list[str]:
        """The phases that it was told to do, in order."""
        return [call.phase for call in self.calls]


def _parts(one: dict[str, object]) -> Iterator[dict[str, object]]:
    children = one.get("children")
    yield from (child for child in (children if isinstance(children, list) else []) if child.get("partlabel"))


@pytest.fixture
def newcomer(started_hosts: dict[str, LabHost], lab_directory: Path, tmp_path: Path) -> Iterator[Newcomer]:
    """The lab, with n1 not installed yet; afterwards it is the host again that the others know."""
    host = started_hosts["n1"]
    host.erase()
    newcomer = Newcomer(Admin(lab_directory, tmp_path / "home", started_hosts), tmp_path / "record")
    newcomer.becomes_bare()
    yield newcomer
    host.erase()
