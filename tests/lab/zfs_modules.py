"""The kernel modules of ZFS for the virtual machines: Debian has them as source only, so they are built once and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.lab.image import CACHE, SUITE, ImageFailed, alone, source

_MODULES = ("spl.ko", "zfs.ko")
_TOOLS = ("dkms", "file", "libc6-dev", "lsb-release", "perl")
_PATIENCE = 3600.0  # on an idle machine of two processors it takes seven minutes


def zfs_modules(kernel: str, kernel_package: str, zfs: str) -> Path:
    """A directory of spl.ko and zfs.ko for this release of the kernel, of these very versions of Debian's packages."""
    kept = CACHE / f"zfs-{zfs}-for-{kernel}-{kernel_package}".replace("/", "_")
    with alone(CACHE / "zfs-modules.lock"):
        if not kept.is_dir():
            _build(kept, kernel, zfs)
    return kept


def _build(kept: Path, kernel: str, zfs: str) -> None:
    upstream = zfs.rpartition("-")[0]
    with tempfile.TemporaryDirectory(prefix="zfs-modules-", dir=kept.parent) as place:
        root, made = Path(place) / "root", Path(place) / "made"
        _run("the compiler", _workshop(root, kernel))
        # Unpacked and not installed: its installation would build for the kernel that this machine itself runs.
        fetch = f"cd /tmp && apt-get --quiet download zfs-dkms={zfs} && dpkg-deb --extract zfs-dkms_*.deb /"
        _run("the source of ZFS", ["chroot", str(root), "sh", "-ec", fetch])
        jobs = str(os.cpu_count() or 1)
        log = f"/var/lib/dkms/zfs/{upstream}/build/make.log"
        build = f"dkms build -m zfs -v {upstream} -k {kernel} -j {jobs} || {{ tail -n 8 {log}; exit 1; }}"
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root}/proc"]
        _run("the modules of ZFS", ["nice", *apart, "chroot", str(root), "sh", "-ec", build])
        made.mkdir()
        for module in _MODULES:
            shutil.copy(next(root.glob(f"var/lib/dkms/zfs/{upstream}/{kernel}/*/module/{module}*")), made)
        for packed in made.glob("*.xz"):
            _run("the modules of ZFS", ["xz", "--decompress", str(packed)])
        made.chmod(0o755)
        made.rename(kept)


def _workshop(root: Path, kernel: str) -> list[str]:
    return [
        *(
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            "--mode=root",
            f"--include={','.join(_TOOLS)},linux-headers-{kernel}",
        ),
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=APT::Install-Recommends "false"',
        "--skip=cleanup/apt",
        *(SUITE, str(root), f"deb {source()} {SUITE} main contrib"),
    ]


def _run(what: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise ImageFailed(f"{what} for the virtual machines could not be made:\n{said}")
