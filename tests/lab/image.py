"""The disk that every test host starts from: a small Debian with systemd, sshd and Nix, built once and kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pyhomelab"
FILES = Path(__file__).parent / "image"
SUITE = "trixie"  # the first Debian whose nix is new enough for nixpkgs, and whose systemd NixOS is near to
PACKAGES = (
    "busybox-static",
    "dbus",
    "iproute2",
    "iputils-ping",
    "kmod",
    "nix-bin",
    "openssh-server",
    "procps",
    "sudo",
    "systemd-sysv",
)
_LEFT_OUT = ("doc", "locale", "man")
_DISTRIBUTION = "http://deb.debian.org/debian"
_SETUP = "setup.sh"  # runs inside the new root directory


class ImageFailed(Exception):
    """The image could not be built; the message ends in what the builder said last."""


def image(*more: str) -> Path:
    """The root directory of the image, with `more` packages; built now when nobody has built it before."""
    packages = (*PACKAGES, *more)
    kept = CACHE / f"lab-image-{_key(packages)}"
    with alone(CACHE / "lab-image.lock"):
        if not kept.is_dir():
            _build(kept, packages)
    return kept


def _key(packages: tuple[str, ...]) -> str:
    digest = hashlib.sha256(repr((SUITE, packages, _LEFT_OUT)).encode())
    for file in _files():
        digest.update(f"{file.relative_to(FILES)} {file.stat().st_mode}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _files() -> list[Path]:
    return sorted(path for path in FILES.rglob("*") if path.is_file())


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Nobody else who asks for the same file is here at the same time."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _build(kept: Path, packages: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(prefix="lab-image-", dir=kept.parent) as place:
        root = Path(place) / "root"
        done = subprocess.run(_command(root, packages), capture_output=True, text=True, timeout=1800, check=False)
        if done.returncode != 0:
            said = "\n".join(done.stderr.splitlines()[-10:])
            raise ImageFailed(f"mmdebstrap could not make the image of the test hosts:\n{said}")
        shutil.copytree(FILES, root, dirs_exist_ok=True)
        subprocess.run(["chroot", root, "sh", f"/{_SETUP}"], stdout=subprocess.DEVNULL, check=True)
        (root / _SETUP).unlink()
        root.chmod(0o755)
        root.rename(kept)


def _command(root: Path, packages: tuple[str, ...]) -> list[str]:
    return [
        *("mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", f"--include={','.join(packages)}"),
        '--aptopt=Acquire::Check-Valid-Until "false"',  # the machine's source may be a snapshot
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT),
        *(SUITE, str(root), f"deb {source()} {SUITE} main"),
    ]


def source() -> str:
    """Where this machine gets Debian from; the distribution's own address on one that gets it nowhere."""
    listed = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for file in listed:
        for line in file.read_text().splitlines() if file.is_file() else ():
            for word in line.split():
                if line.startswith(("deb ", "URIs:")) and word.rstrip("/").endswith("/debian"):
                    return word
    return _DISTRIBUTION
