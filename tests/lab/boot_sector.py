"""The smallest system that a guest can run: one sector, which counts on the disk and switches off when it is asked to."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GREETING = "a guest is up"
_SECTOR = 512
_COUNTED = struct.Struct("<HHH")
_BOOTABLE = b"\x55\xaa"

# What a processor runs in 16 bits, put at 7c00h by the BIOS, with the disk as drive 80h. What is counted is at 8000h and in
# the disk's second sector. The chipset's power is at 600h (what happened), 602h (what may happen) and 604h (what is to be).
_CODE = (
    "31c0 8ed8 8ec0 8ed0 bc007c fb",  # ax, ds, es, ss = 0; sp = 7c00h; interrupts on
    "b80102 bb0080 b90200 ba8000 cd13",  # read the second sector to 8000h
    "ff060080",  # one boot more
    "ba0206 b80001 ef",  # the power button may be pressed
    "be6e7c",  # si = the greeting
    "ac 84c0 7406 b40e cd10 ebf5",  # print its letters, up to the zero
    "f4 ff060280",  # loop: sleep until the clock ticks; one tick more
    "ba0006 ed f6c401 750d",  # was the button pressed? then go to the end
    "f70602800300 75ea e81300 ebe5",  # every fourth tick write; loop
    "ff060480 e80a00",  # the end: one request to switch off more; write
    "ba0406 b80020 ef f4 ebfd",  # switch off, and sleep until that is so
    "b80103 bb0080 b90200 ba8000 cd13 c3",  # write: 8000h to the second sector
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a guest has counted on its disk since that was made."""

    boots: int
    ticks: int
    requests: int
    """How often it was asked to switch off, and did."""


def install(disk: Path, size: int) -> None:
    """Make a raw disk of a size in bytes with the system on it, which has counted nothing yet."""
    code = bytes.fromhex("".join(_CODE)) + f"{GREETING}\r\n\0".encode()
    disk.write_bytes(code.ljust(_SECTOR - len(_BOOTABLE), b"\0") + _BOOTABLE)
    with disk.open("r+b") as file:
        file.truncate(size)


def counted(disk: Path) -> Counted:
    """Read what a guest has counted."""
    with disk.open("rb") as file:
        file.seek(_SECTOR)
        return Counted(*_COUNTED.unpack(file.read(_COUNTED.size)))
