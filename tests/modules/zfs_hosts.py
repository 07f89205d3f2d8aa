"""Hosts with pools for the tests of homelab.zfs, and what disko's own script does to their blank disks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.harness import evaluate
from tests.modules.sources import checkout
from tests.modules.standins import BLANK_DISKS, Outcome, run

if TYPE_CHECKING:
    from pathlib import Path

needs_disko = pytest.mark.skipif(
    checkout("PYHOMELAB_DISKO", "disko") is None,
    reason="no checkout of disko at $PYHOMELAB_DISKO or in the cache",
)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3WzO0l0hW0c1b0t1u0v1w0x1y0z1A0B1C0D1E0F1G0 syncoid"


def disks(*names: str) -> str:
    return " ".join(f'"/dev/disk/by-id/{name}"' for name in names)


def vdev(layout: str, *names: str) -> str:
    return f'{{ layout = "{layout}"; disks = [ {disks(*names)} ]; }}'


MIRROR = f"vdevs = [ {vdev('mirror', 'a', 'b')} ];"

DATASETS = f"""{MIRROR}
  datasets.guests = {{ reservation = "50G"; }};
  datasets.media = {{ mountpoint = "/tank/media"; quota = "2T"; properties.recordsize = "1M"; }};
"""
RECEIVES = f'receives = [ {{ from = "dl3"; dataset = "tank/backup/dl3-vms"; publicKey = "{KEY}"; }} ];'


def host(tank: str = MIRROR, more: str = "", also: str = "") -> str:
    """Options of the pool tank, of homelab.zfs beside it, and of the host besides both."""
    pools = f"pools.tank = {{ {tank} }};" if tank else ""
    return f"""{{
      networking.hostName = "dl1";
      {also}
      homelab.zfs = {{ enable = true; hostId = "8425e349"; {pools} {more} }};
    }}"""


def ask(select: str, tank: str = MIRROR, more: str = "") -> Any:
    return evaluate(host(tank, more), select)


def formatted(tmp_path: Path, tank: str, standins: dict[str, str] | None = None) -> Outcome:
    """What disko's own script does to blank disks."""
    return run(ask("config.disko.devices._create", tank), tmp_path, {**BLANK_DISKS, **(standins or {})})
