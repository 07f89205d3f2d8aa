"""Hosts that share a DRBD volume, for the tests of homelab.drbd."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.harness import evaluate

if TYPE_CHECKING:
    from pathlib import Path

DRBDADM = shutil.which("drbdadm", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
DRIVERS = {"9": "9.2.16", "8.4": "8.4.11"}
ZVOL = "/dev/zvol/tank/drbd/vmstore"

needs_drbdadm = pytest.mark.skipif(DRBDADM is None, reason="no drbdadm on PATH: install the Debian package drbd-utils")


def member(node_id: int, disk: str | None = ZVOL) -> str:
    held = f'disk = "{disk}";' if disk else ""
    return f'{{ nodeId = {node_id}; address = "10.10.20.1{node_id + 1}"; {held} }}'


TRIO = f"hosts = {{ dl1 = {member(0)}; dl2 = {member(1)}; dl3 = {member(2, None)}; }};"
PAIR = f'hosts = {{ dl1 = {member(0)}; dl2 = {member(1)}; }}; quorum = "off";'
BACKING = 'backing = { dataset = "tank/drbd/vmstore"; size = "200G"; };'


def host(name: str = "dl1", resource: str = f"{TRIO} {BACKING}", version: str = "9", also: str = "") -> str:
    return f"""{{ pkgs, ... }}: {{
      networking.hostName = "{name}";
      {also}
      homelab.drbd = {{
        enable = true;
        version = "{version}";
        resources.vmstore = {{ minor = 0; port = 7789; interface = "eno1.20"; {resource} }};
      }};
    }}"""


def ask(select: str, **of_host: str) -> Any:
    return evaluate(host(**of_host), select)


def text(**of_host: str) -> str:
    """The resource's file."""
    written: str = ask('config.environment.etc."drbd.d/vmstore.res".text', **of_host)
    return written


def parsed(directory: Path, resource: str, version: str = "9") -> subprocess.CompletedProcess[str]:
    """What the real drbdadm makes of a resource, as if the module of `version` were loaded."""
    file = directory / "drbd.conf"
    file.write_text(f"global {{ usage-count no; }}\n{resource}")
    return subprocess.run(
        [str(DRBDADM), "-c", str(file), "dump"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"DRBD_DRIVER_VERSION_OVERRIDE": DRIVERS[version]},
    )
