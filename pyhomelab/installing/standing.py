"""What a machine that is to be installed said of itself → what runs there, and whose its disks are.

`host/bare.sh` asks; here its answer is read. Nothing that a machine says is trusted to be what it should.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.shell.script import host_script, last_words, rows_of
from pyhomelab.state.hoststate import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyhomelab.shell import Done

SCRIPT = host_script("bare.sh")
"""A script of POSIX sh whose output `standing_of` reads."""


@dataclass(frozen=True, slots=True)
class PoolLabel:
    """What ZFS wrote on a device: the pool that it is of, and the machine that had it last; empty if it is not said."""

    device: str
    pool: str
    owner: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What runs on a machine, and since which boot; labels of partitions and pools are by the kernel's device names."""

    hostname: str
    boot_id: str
    runs: str
    is_nixos: bool
    is_installer: bool
    system: str | None
    part_labels: Mapping[str, str]
    pools: tuple[PoolLabel, ...]


def standing_of(machine: str, done: Done) -> Standing:
    """Read what SCRIPT printed; raises NoAnswer if it is no answer."""
    rows = rows_of(done)
    if rows is None:
        raise NoAnswer(f"did not say what runs there, but: {last_words(done)}", where=machine)
    try:
        kind, variant, name = rows["os"][0]
        hostname, boot_id = rows["host"][0]
        is_nixos = kind == "nixos"
        return Standing(
            hostname=hostname,
            boot_id=boot_id,
            runs=name or "another system",
            is_nixos=is_nixos,
            is_installer=is_nixos and variant == "installer",
            system=_first(rows["system"]),
            part_labels=dict(_pair(row) for row in rows["label"]),
            pools=tuple(PoolLabel(device, pool, owner) for device, pool, owner in rows["pool"]),
        )
    except (ValueError, IndexError):
        raise NoAnswer("said what runs there in a way that makes no sense", where=machine) from None


def _pair(row: Sequence[str]) -> tuple[str, str]:
    key, value = row
    return key, value


def _first(rows: Sequence[Sequence[str]]) -> str | None:
    return rows[0][0] if rows else None
