"""A real Kubernetes for test hosts: etcd, the API server, its controllers and kubectl, compiled once and kept."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import tempfile
from pathlib import Path

from tests.lab.image import CACHE, alone, source

VERSION = "1.20.2"
"""Of the Kubernetes that is built: the last one whose whole source is in a Debian."""
_BUILD = Path(__file__).with_name("kube-build.sh")
_LONGEST = 3600


class KubernetesFailed(Exception):
    """Kubernetes could not be built; the message ends in what the build said last."""


def kubernetes_layer() -> Path:
    """A layer for the disk of a test host that brings the programs; built now when nobody has built it before."""
    kept = CACHE / f"lab-kubernetes-{_key()}"
    with alone(CACHE / "lab-kubernetes.lock"):
        if not kept.is_dir():
            _build(kept)
    return kept


def _key() -> str:
    return hashlib.sha256(platform.machine().encode() + _BUILD.read_bytes()).hexdigest()[:16]


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
