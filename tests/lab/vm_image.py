"""The disk, kernel and first file system that every virtual machine starts from, built once and kept."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.lab.image import CACHE, SUITE, ImageFailed, alone, source
from tests.lab.zfs_modules import zfs_modules

FILES = Path(__file__).parent / "vm_image_files"
_SETUP = "setup.sh"  # runs inside the new root directory
_PACKAGES = (
    "drbd-utils",
    "e2fsprogs",
    "gdisk",  # disko partitions with sgdisk
    "iproute2",
    "kmod",
    "linux-image-cloud-amd64",
    "lzop",  # with mbuffer and pv: what the receiving user has at hand for syncoid
    "mbuffer",
    "openssh-client",
    "openssh-server",
    "parted",  # disko tells the kernel of new partitions with partprobe
    "procps",
    "pv",
    "sanoid",
    "systemd-sysv",
    "udev",
    "zfsutils-linux",
)
_LEFT_OUT = ("doc", "locale", "man")
_SIZE = "1800M"
_NEEDED_FIRST = ("virtio_pci", "virtio_blk", "ext4")
_INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /bin/busybox insmod "/$module"; done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /new && exec /bin/busybox switch_root /new /sbin/init
"""


def vm_image() -> Path:
    """A directory of `disk` (ext4), `kernel`, `initrd`, `key` and `host_key.pub`; built now when it is not there."""
    kept = CACHE / f"vm-image-{_key()}"
    with alone(CACHE / "vm-image.lock"):
        if not kept.is_dir():
            _build(kept)
    return kept


def _key() -> str:
    digest = hashlib.sha256(repr((SUITE, _PACKAGES, _LEFT_OUT, _SIZE, _INIT)).encode())
    for file in sorted(path for path in FILES.rglob("*") if path.is_file()):
        # Of the mode this bit alone: the others are the umask's of whoever checked the files out.
        digest.update(f"{file.relative_to(FILES)} {file.stat().st_mode & 0o100}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _build(kept: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="vm-image-", dir=kept.parent) as place:
        root, made = Path(place) / "root", Path(place) / "made"
        made.mkdir()
        _run(_bootstrap(root))
        _add_zfs(root)
        _add_keys(root, made)
        shutil.copytree(FILES, root, dirs_exist_ok=True)
        _run(["chroot", str(root), "sh", f"/{_SETUP}"])
        (root / _SETUP).unlink()
        kernel = _release(root)
        (root / f"boot/vmlinuz-{kernel}").rename(made / "kernel")
        _make_initrd(root, kernel, made / "initrd", Path(place) / "initrd")
        ext4 = ["-t", "ext4", "-O", "^has_journal", "-m", "0", "-E", "lazy_itable_init=0", "-d", str(root)]
        _run(["mke2fs", "-q", *ext4, str(made / "disk"), _SIZE])
        made.rename(kept)


def _bootstrap(root: Path) -> list[str]:
    return [
        *("mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", f"--include={','.join(_PACKAGES)}"),
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT),
        *(SUITE, str(root), f"deb {source()} {SUITE} main contrib"),
    ]


def _release(root: Path) -> str:
    """The release of the kernel that is on the disk, of which there is one."""
    return next((root / "usr/lib/modules").iterdir()).name


def _add_zfs(root: Path) -> None:
    kernel = _release(root)
    ask = ["chroot", str(root), "dpkg-query", "--show", "--showformat=${Version}"]
    modules = zfs_modules(kernel, _run([*ask, f"linux-image-{kernel}"]), _run([*ask, "zfsutils-linux"]))
    shutil.copytree(modules, root / "usr/lib/modules" / kernel / "updates")
    _run(["chroot", str(root), "depmod", kernel])


def _add_keys(root: Path, made: Path) -> None:
    """One key to log in with, and one that all machines show: they are reached on this machine only."""
    for name in ("key", "host_key"):
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(made / name)])
    ssh = root / "etc/ssh"
    for old in ssh.glob("ssh_host_*"):
        old.unlink()
    (made / "host_key").rename(ssh / "ssh_host_ed25519_key")
    shutil.copy(made / "host_key.pub", ssh / "ssh_host_ed25519_key.pub")
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    shutil.copy(made / "key.pub", root / "root/.ssh/authorized_keys")


def _make_initrd(root: Path, kernel: str, initrd: Path, place: Path) -> None:
    """As little as finds the disk: busybox, and the modules that the kernel does not have built in."""
    for name in ("bin", "dev", "new"):
        (place / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "busybox", place / "bin/busybox")
    names: list[str] = []
    for needed in _NEEDED_FIRST:
        said = _run(["chroot", str(root), "modprobe", "-S", kernel, "--show-depends", needed])
        for line in said.splitlines():
            file = Path(line.split()[1]) if line.startswith("insmod") else None
            if file is not None and file.name.removesuffix(".xz") not in names:
                names.append(file.name.removesuffix(".xz"))
                shutil.copy(f"{root}{file}", place)
    for packed in place.glob("*.xz"):
        _run(["xz", "--decompress", str(packed)])
    (place / "init").write_text(_INIT.format(modules=" ".join(names)))
    (place / "init").chmod(0o755)
    # Not compressed: an emulated processor is slower at that than at reading.
    _run(["sh", "-ec", f"find . | cpio --create --format=newc --quiet >{initrd}"], cwd=place)


def _run(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, cwd=cwd)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise ImageFailed(f"{command[0]} failed for the image of the virtual machines:\n{said}")
    return done.stdout
