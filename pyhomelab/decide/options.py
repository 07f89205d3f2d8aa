"""The shape of what is decided: plain data that becomes Nix options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyhomelab.model.units import GiB, MiB

if TYPE_CHECKING:
    from collections.abc import Mapping

Options = dict[str, Any]


def stated(options: Mapping[str, Any]) -> Options:
    """Leave out what says nothing: None and empty lists, sets and texts. False and 0 stay."""
    return {key: value for key, value in options.items() if value is not None and value not in ([], {}, "")}


def size(amount: int) -> str:
    """Write bytes (a whole number of MiB) as zfs, qemu-img, drbd and disko read them, binary: `60G`, `1536M`."""
    return f"{amount // GiB}G" if amount % GiB == 0 else f"{amount // MiB}M"


def mib(amount: int) -> int:
    """Give bytes in MiB."""
    return amount // MiB
