"""A machine of a cluster without a cluster: its units' scripts, with stand-ins for what would reach one."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRETS = ROOT / "tests/data/kubernetes/secrets"
needs_shellcheck = pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="no shellcheck on PATH: install the Debian package shellcheck"
)

# Where the scripts look on a real machine.
_PLACES = ("/etc/kubernetes", "/var/lib", "/nix/var/nix/gcroots", "/run")
_STORE_PATH = re.compile(r"/nix/store/[0-9a-z]{32}-([-.+_?=0-9a-zA-Z]+)")

# Each notes how it was called. What it then does a test may add to, as a line of shell.
_RECORD = """#!/usr/bin/env bash
set -o errexit -o nounset -o pipefail
cd "$MACHINE"
echo "$(basename "$0") $*" >>calls
here=$MACHINE/etc/kubernetes
"""
_STAND_INS = {
    # As far as it matters here: the files a finished cluster leaves behind.
    "kubeadm": """
case "$1 ${2:-}" in
  "init --config")
    mkdir -p "$here/pki" "$here/manifests"; cp authority "$here/pki/ca.crt"
    touch "$here/admin.conf" "$here/kubelet.conf"
    echo "image: registry.k8s.io/kube-apiserver:v1.35.2" >"$here/manifests/kube-apiserver.yaml" ;;
  "join --config") mkdir -p "$here"; touch "$here/kubelet.conf" ;;
  "reset --force") rm -rf "$here" ;;
  "upgrade "*) sed -i "s/:v.*/:v1.35.2/" "$here/manifests/kube-apiserver.yaml" 2>/dev/null || true ;;
esac
""",
    "kubectl": "",
    "systemctl": "",
    # Answers for the addresses in the file `answers`: a line each, the address and what it says.
    "curl": """
address=${*: -1}; address=${address#https://}; address=${address%%:*}
line=$(grep "^$address " answers) || exit 7
[[ " $* " == *" --output /dev/null "* ]] || echo "${line#* }"
""",
    "sleep": "",
}


class Machine:
    """One machine's disk under a directory, the programs on its PATH, and what they were asked to do."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.kubernetes = directory / "etc/kubernetes"
        self.state = directory / "var/lib/homelab-kubeadm"
        self.running_kubelet = directory / "nix/var/nix/gcroots/homelab-kubelet"
        for place in ("bin", "etc", "var/lib", "run", "nix/var/nix/gcroots", "store"):
            (directory / place).mkdir(parents=True, exist_ok=True)
        (directory / "answers").touch()
        for name in _STAND_INS:
            self.teach(name)

    def teach(self, name: str, more: str = "") -> None:
        """Have the stand-in `name` do `more` first, such as `exit 1`."""
        self._program(self.directory / "bin" / name, _RECORD + more + "\n" + _STAND_INS[name])

    def answers(self, *lines: str) -> None:
        """Let the servers of `lines`, an address and what it says, answer; nobody else does."""
        (self.directory / "answers").write_text("".join(f"{line}\n" for line in lines))

    def packaged(self, name: str, version: str) -> Path:
        """A package in the store whose kubelet says it is of `version`."""
        package = self.directory / "store" / name
        (package / "bin").mkdir(parents=True, exist_ok=True)
        self._program(package / "bin/kubelet", f"#!/bin/sh\necho Kubernetes {version}\n")
        return package

    def is_server(self) -> None:
        """Make this a server of a finished cluster."""
        (self.kubernetes / "manifests").mkdir(parents=True)
        for name in ("admin.conf", "kubelet.conf"):
            (self.kubernetes / name).touch()

    def runs(self, package: Path) -> None:
        """Let the machine's kubelet be that of `package`."""
        self.running_kubelet.unlink(missing_ok=True)
        self.running_kubelet.symlink_to(package)

    def run(self, script: str, others: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the text of a script on this machine; `others` are the scripts it may start, by store path."""
        for path, text in (others or {}).items():
            place = Path(self._here(path))
            place.parent.mkdir(parents=True, exist_ok=True)
            self._program(place, self._here(text))
        program = self.directory / "script"
        self._program(program, self._here(script))
        return subprocess.run(
            [program],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ
            | {
                "PATH": f"{self.directory}/bin:{os.environ['PATH']}",
                "MACHINE": str(self.directory),
            },
        )

    def calls(self, *programs: str) -> list[str]:
        """What was called since the last time, only `programs` if any are named."""
        record = self.directory / "calls"
        lines = record.read_text().splitlines() if record.exists() else []
        record.unlink(missing_ok=True)
        return [line for line in lines if not programs or line.split()[0] in programs]

    def _here(self, text: str) -> str:
        for place in _PLACES:
            text = re.sub(rf"(?<![\w/])(?={place})", str(self.directory), text)
        text = re.sub(r"\A#!.*", "#!/usr/bin/env bash", text)
        return _STORE_PATH.sub(rf"{self.directory}/store/\1", text)

    @staticmethod
    def _program(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
