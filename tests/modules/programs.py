"""The real checkers of what the modules write, started where they can break nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

import pytest

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def needs(package: str, *programs: str) -> pytest.MarkDecorator:
    """A mark: skip unless all `programs` of the Debian package are there and namespaces may be made."""
    missing = [program for program in programs if shutil.which(program, path=_PATH) is None]
    absent = f"no {', '.join(missing)} on PATH: install the Debian package {package}"
    reason = absent if missing else _unshared()
    return pytest.mark.skipif(reason != "", reason=reason or "nothing is missing")


def apart(commands: str, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run shell `commands` as root of their own network, mounts and processes, with stderr joined to stdout.

    What they leave running ends with them.
    """
    return subprocess.run(
        [*_unshare(), "sh", "-ec", commands, "sh", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | {"PATH": _PATH},
    )


def _unshare() -> list[str]:
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *rights, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


@cache
def _unshared() -> str:
    if shutil.which("unshare", path=_PATH) is None:
        return "no unshare on PATH: install the Debian package util-linux"
    allowed = apart("true").returncode == 0
    return "" if allowed else "this machine does not let us make network, mount and process namespaces"
