"""What must be there for test hosts, and what of it is not."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.lab import slots
from tests.modules.sources import nixpkgs_lib

_PROGRAMS = ("chroot", "find", "ip", "mmdebstrap", "mount", "nsenter", "setpriv", "ssh", "ssh-keygen", "unshare")
_OF_VMS = ("busybox", "cpio", "mke2fs", "qemu-img", "qemu-system-x86_64", "xz")


@cache
def missing() -> str:
    """Why no test host can be started here; empty when it can."""
    if os.geteuid() != 0:
        return "test hosts need root"
    absent = [program for program in _PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"test hosts need {', '.join(absent)} on PATH"
    if "\toverlay" not in Path("/proc/filesystems").read_text():
        return "test hosts need overlayfs in the kernel"
    tree = slots.cgroups()
    if tree is None or not os.access(tree, os.W_OK):
        return "test hosts need a cgroup2 tree that can be written to"
    if not _namespaces():
        return "test hosts need namespaces of every kind"
    return ""


@cache
def missing_for_systems() -> str:
    """Why no system can be built for test hosts here; empty when it can."""
    if shutil.which("nix") is None:
        return "systems of test hosts need nix on PATH (tools/get-nix gets it)"
    if nixpkgs_lib() is None:
        return "systems of test hosts need nixpkgs' lib (tools/get-inputs gets it)"
    return missing()


@cache
def missing_for_vms() -> str:
    """Why no virtual machine with a kernel of its own can be started here; empty when it can."""
    absent = [program for program in _OF_VMS if shutil.which(program) is None]
    if absent:
        return f"virtual machines need {', '.join(absent)} on PATH"
    return missing_for_systems()


def _namespaces() -> bool:
    spaces = ["--mount", "--uts", "--ipc", "--pid", "--net", "--cgroup", "--fork"]
    return subprocess.run(["unshare", *spaces, "true"], capture_output=True, check=False).returncode == 0
