"""A real Kubernetes for test hosts: etcd, the API server, its controllers and kubectl, compiled once and kept."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.lab.image import CACHE, alone, source
from tests.lab.needs import missing_for_systems

VERSION = "1.20.2"
"""Of the Kubernetes that is built: the last one whose whole source is in a Debian."""
_BUILD = Path(__file__).with_name("kube-build.sh")
_LONGEST = 3600
_BUILDERS = ("apt-get", "dpkg-deb", "tar")


class KubernetesFailed(Exception):
    """Kubernetes could not be built; the message ends in what the build said last."""


def missing_for_kubernetes() -> str:
    """Why no Kubernetes can run on test hosts here; empty when it can."""
    if platform.machine() != "x86_64":
        return "a Kubernetes for test hosts needs x86_64, where its etcd is supported"
    absent = [program for program in _BUILDERS if shutil.which(program) is None]
    if absent and not _kept().is_dir():
        return f"a Kubernetes for test hosts needs {', '.join(absent)} on PATH to be built"
    return missing_for_systems()


def kubernetes_layer() -> Path:
    """A layer for the disk of a test host that brings the programs; built now when nobody has built it before."""
    kept = _kept()
    with alone(CACHE / "lab-kubernetes.lock"):
        if not kept.is_dir():
            _build(kept)
    return kept


def _kept() -> Path:
    key = hashlib.sha256(platform.machine().encode() + _BUILD.read_bytes()).hexdigest()[:16]
    return CACHE / f"lab-kubernetes-{key}"


def _build(kept: Path) -> None:
    # It takes some GB while it is at it: not on a tmpfs.
    with tempfile.TemporaryDirectory(prefix="lab-kubernetes-", dir=kept.parent) as place:
        argv = ["nice", "sh", str(_BUILD), place, source()]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_LONGEST, check=False)
        if done.returncode != 0:
            said = "\n".join(done.stderr.splitlines()[-10:])
            raise KubernetesFailed(f"Kubernetes {VERSION} could not be built:\n{said}")
        layer = Path(place) / "layer"
        (layer / "usr").mkdir(parents=True)
        (Path(place) / "bin").rename(layer / "usr/bin")
        for directory in (layer, layer / "usr", layer / "usr/bin"):
            directory.chmod(0o755)
        layer.rename(kept)
